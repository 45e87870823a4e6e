//! Long lists, a page at a time.

/// Which rows of a list are wanted, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page<Id> {
    pub most: u32,
    /// Those that come after this one in the list.
    pub after: Option<Id>,
}

impl<Id> Page<Id> {
    /// The newest.
    #[must_use]
    pub fn first(most: u32) -> Self {
        Self { most, after: None }
    }
}
