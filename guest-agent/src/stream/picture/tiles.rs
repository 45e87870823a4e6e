//! Which parts of a picture have changed, in tiles of 16 by 16 pixels: the macroblocks of both codecs.

#[cfg(test)]
mod tests;

/// Edge of a tile in pixels.
pub(super) const TILE: u16 = 16;
/// More rectangles than this are not worth their requests: one around all of them is read instead.
const MAX_AREAS: usize = 32;

/// Width and height of a picture in pixels: even, because chroma has half of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    width: u16,
    height: u16,
}

impl Size {
    /// OpenH264 encodes no more (level 5.2).
    const MAX_WIDTH: u16 = 3840;
    const MAX_HEIGHT: u16 = 2160;
    /// Both codecs want at least one macroblock.
    const MIN: u16 = TILE;

    /// The part of a screen of this size that can be shown: an odd last row or column and what is beyond 3840 by 2160
    /// are cut off. `None` when nothing useful is left.
    pub(crate) fn shown_of(width: u16, height: u16) -> Option<Self> {
        let even = |length: u16, max: u16| length.min(max) & !1;
        let (width, height) = (even(width, Self::MAX_WIDTH), even(height, Self::MAX_HEIGHT));
        (width >= Self::MIN && height >= Self::MIN).then_some(Self { width, height })
    }

    pub(crate) fn width(self) -> u16 {
        self.width
    }

    pub(crate) fn height(self) -> u16 {
        self.height
    }

    pub(super) fn columns(self) -> u16 {
        self.width.div_ceil(TILE)
    }

    pub(super) fn rows(self) -> u16 {
        self.height.div_ceil(TILE)
    }
}

/// A rectangle inside a picture, in pixels. Left, top, width and height are even.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: u16,
    pub(super) top: u16,
    pub(super) width: u16,
    pub(super) height: u16,
}

/// A set of tiles of a picture of one size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tiles {
    size: Size,
    /// Row by row; one where the tile is in the set, zero where not, as libvpx wants its map.
    marks: Vec<u8>,
    count: usize,
}

impl Tiles {
    pub(super) fn none(size: Size) -> Self {
        let length = usize::from(size.columns()) * usize::from(size.rows());
        Self { size, marks: vec![0; length], count: 0 }
    }

    pub(super) fn all(size: Size) -> Self {
        let mut all = Self::none(size);
        all.fill();
        all
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.count == self.marks.len()
    }

    /// One byte for each tile, row by row: one where it is in the set.
    pub(super) fn marks(&self) -> &[u8] {
        &self.marks
    }

    pub(super) fn fill(&mut self) {
        self.marks.fill(1);
        self.count = self.marks.len();
    }

    pub(super) fn clear(&mut self) {
        self.marks.fill(0);
        self.count = 0;
    }

    /// Adds the tile at this column and row of tiles; one outside of the picture is ignored.
    pub(super) fn insert(&mut self, column: u16, row: u16) {
        if column < self.size.columns()
            && let Some(mark) =
                self.marks.get_mut(usize::from(row) * usize::from(self.size.columns()) + usize::from(column))
        {
            self.count += usize::from(*mark == 0);
            *mark = 1;
        }
    }

    /// Adds the tiles that a rectangle of pixels touches, which may reach over the edge.
    pub(super) fn touch(&mut self, left: i16, top: i16, width: u16, height: u16) {
        let span = |start: i16, length: u16, max: u16| {
            let clip = |at: i32| u16::try_from(at.max(0)).unwrap_or(u16::MAX).min(max);
            let (from, to) = (clip(start.into()), clip(i32::from(start) + i32::from(length)));
            from / TILE..to.div_ceil(TILE).max(from / TILE)
        };
        let columns = span(left, width, self.size.width);
        for row in span(top, height, self.size.height) {
            columns.clone().for_each(|column| self.insert(column, row));
        }
    }

    /// Adds the tiles of another set for a picture of the same size.
    pub(super) fn add(&mut self, other: &Self) {
        debug_assert_eq!(self.size, other.size);
        for (mark, more) in self.marks.iter_mut().zip(&other.marks) {
            *mark |= more;
        }
        self.count = self.marks.iter().map(|mark| usize::from(*mark)).sum();
    }

    /// Takes the tiles of another set for a picture of the same size away.
    pub(super) fn remove(&mut self, other: &Self) {
        debug_assert_eq!(self.size, other.size);
        for (mark, less) in self.marks.iter_mut().zip(&other.marks) {
            *mark &= 1 - less;
        }
        self.count = self.marks.iter().map(|mark| usize::from(*mark)).sum();
    }

    /// The first so many of them, row by row.
    pub(super) fn first(&self, count: usize) -> Self {
        let mut first = self.clone();
        first.marks.iter_mut().filter(|mark| **mark == 1).skip(count).for_each(|mark| *mark = 0);
        first.count = count.min(self.count);
        first
    }

    /// Rectangles that together cover every tile of the set, few of them: neighbours in a row are one, equal rows
    /// too, and when there are still more than 32, one rectangle around all of them.
    pub(super) fn areas(&self) -> Vec<Area> {
        let mut runs: Vec<Run> = Vec::new();
        let columns = usize::from(self.size.columns());
        let mut first_of_last_row = 0;
        for (row, marks) in (0..).zip(self.marks.chunks_exact(columns)) {
            let first_of_row = runs.len();
            for (from, to) in runs_of(marks) {
                let above = runs[first_of_last_row..first_of_row]
                    .iter_mut()
                    .find(|run| run.below == row && (run.from, run.to) == (from, to));
                match above {
                    Some(run) => run.below = row + 1,
                    None => runs.push(Run { from, to, top: row, below: row + 1 }),
                }
            }
            // What grew stays a candidate for the next row; only rows that ended are left behind.
            while runs.get(first_of_last_row).is_some_and(|run| run.below <= row) {
                first_of_last_row += 1;
            }
        }
        if runs.len() > MAX_AREAS {
            runs = runs.into_iter().reduce(Run::around).into_iter().collect();
        }
        runs.into_iter().map(|run| run.area(self.size)).collect()
    }
}

/// A rectangle of tiles; `to` and `below` are outside of it.
#[derive(Debug, Clone, Copy)]
struct Run {
    from: u16,
    to: u16,
    top: u16,
    below: u16,
}

impl Run {
    fn around(self, other: Self) -> Self {
        Self {
            from: self.from.min(other.from),
            to: self.to.max(other.to),
            top: self.top.min(other.top),
            below: self.below.max(other.below),
        }
    }

    fn area(self, size: Size) -> Area {
        let (left, top) = (self.from * TILE, self.top * TILE);
        Area {
            left,
            top,
            width: (self.to * TILE).min(size.width) - left,
            height: (self.below * TILE).min(size.height) - top,
        }
    }
}

/// The first and the past-the-last column of every run of marked tiles.
fn runs_of(marks: &[u8]) -> impl Iterator<Item = (u16, u16)> {
    let mut at = 0_u16;
    marks.chunk_by(|one, next| one == next).filter_map(move |run| {
        let from = at;
        at += u16::try_from(run.len()).unwrap_or(0);
        (run.first() == Some(&1)).then_some((from, at))
    })
}
