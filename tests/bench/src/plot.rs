//! A plot of figures: a bar for each median, with a line from the smallest value to the 95th of a hundred, as SVG.
//!
//! ```text
//!  name    whose  ▇▇▇▇▇▇▇├──┤  12.3
//!          whose  ▇▇▇├┤  4.5
//! ```

use anteroom_tests::spread::Spread;
use svg::{
    Document,
    node::element::{Line, Rectangle, Text, Title},
};

use crate::report::{Figure, in_order, rounded};

/// Figures of one unit, to be looked at together.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) title: String,
    /// Tenfold from mark to mark, where the slowest takes a thousand times as long as the fastest.
    pub(crate) logarithmic: bool,
    pub(crate) figures: Vec<Figure>,
}

/// In pixels.
const WIDTH: f64 = 860.0;
const NAMES_WIDTH: f64 = 330.0;
const VALUES_WIDTH: f64 = 70.0;
const TITLE_HEIGHT: f64 = 34.0;
const BAR_HEIGHT: f64 = 16.0;
const GAP: f64 = 10.0;
const FONT: &str = "13px sans-serif";

/// Told apart by people who see few colours, too (Okabe and Ito, 2008), on white and on black.
const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];
const INK: &str = "#767676";

impl Plot {
    pub(crate) fn svg(&self) -> Document {
        let names = in_order(self.figures.iter().map(|figure| figure.name.as_str()));
        let owners = in_order(self.figures.iter().map(|figure| figure.of.as_str()));
        let unit = self.figures.first().map_or("", |figure| figure.unit);
        let scale = Scale::of(&self.figures, self.logarithmic);
        let kind = if self.logarithmic { ", logarithmic" } else { "" };
        let title = format!("{} ({unit}{kind})", self.title);
        let mut document = Document::new()
            .add(Title::new(title.clone()))
            .add(text(0.0, 20.0, &title).set("font-weight", "bold"));
        let mut y = TITLE_HEIGHT;
        for name in names {
            document = document.add(text(0.0, y + BAR_HEIGHT - 4.0, name));
            for figure in self.figures.iter().filter(|figure| figure.name == name) {
                let Some(spread) = figure.spread() else { continue };
                let colour =
                    owners.iter().position(|owner| *owner == figure.of).unwrap_or_default() % COLOURS.len();
                document = bar(document, y, &figure.of, spread, &scale, COLOURS[colour]);
                y += BAR_HEIGHT + 2.0;
            }
            y += GAP;
        }
        document.set("viewBox", (0.0, 0.0, WIDTH, y)).set("width", WIDTH).set("height", y)
    }
}

fn bar(document: Document, y: f64, owner: &str, spread: Spread, scale: &Scale, colour: &str) -> Document {
    let Spread { min, median, p95, .. } = spread;
    let [from, middle, to] = [min, median, p95].map(|value| scale.x(value));
    let line_y = y + BAR_HEIGHT / 2.0;
    let shown = Rectangle::new()
        .set("x", NAMES_WIDTH)
        .set("y", y)
        .set("width", (middle - NAMES_WIDTH).max(1.0))
        .set("height", BAR_HEIGHT)
        .set("fill", colour);
    let line = Line::new()
        .set("x1", from)
        .set("x2", to)
        .set("y1", line_y)
        .set("y2", line_y)
        .set("stroke", INK)
        .set("stroke-width", 2);
    document
        .add(text(NAMES_WIDTH - 8.0, y + BAR_HEIGHT - 4.0, owner).set("text-anchor", "end"))
        .add(shown)
        .add(line)
        .add(text(middle.max(to) + 6.0, y + BAR_HEIGHT - 4.0, &rounded(median)))
}

fn text(x: f64, y: f64, words: &str) -> Text {
    Text::new(words).set("x", x).set("y", y).set("fill", INK).set("style", format!("font: {FONT}"))
}

/// From values to pixels.
struct Scale {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(figures: &[Figure], logarithmic: bool) -> Self {
        let spreads: Vec<Spread> = figures.iter().filter_map(Figure::spread).collect();
        let most = spreads.iter().map(|spread| spread.p95).fold(f64::MIN_POSITIVE, f64::max);
        let least = spreads.iter().map(|spread| spread.min).filter(|min| *min > 0.0).fold(most, f64::min);
        if logarithmic {
            Self { from: least.log10().floor(), to: most.log10(), logarithmic }
        } else {
            Self { from: 0.0, to: most, logarithmic }
        }
    }

    fn x(&self, value: f64) -> f64 {
        let at = if self.logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = ((at - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        NAMES_WIDTH + share * (WIDTH - NAMES_WIDTH - VALUES_WIDTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_figure_and_names_are_no_markup() {
        let figures = vec![
            Figure::new("<b>", "ms", vec![50.0]).of("ours"),
            Figure::new("<b>", "ms", vec![100.0]).of("theirs"),
        ];
        let linear = Scale::of(&figures, false);
        let width = |value| linear.x(value) - NAMES_WIDTH;
        assert!((width(100.0) - 2.0 * width(50.0)).abs() < 1e-9);
        let logarithmic = Scale::of(&figures, true);
        assert!(logarithmic.x(0.0) == NAMES_WIDTH && logarithmic.x(100.0) == linear.x(100.0));
        let shown = Plot { title: "a & b".into(), logarithmic: false, figures }.svg().to_string();
        assert!(shown.contains("a &amp; b (ms)") && shown.contains("&lt;b&gt;"), "{shown}");
        assert_eq!(shown.matches("<rect").count(), 2);
    }
}
