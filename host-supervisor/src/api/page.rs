//! Long lists, a page at a time: `?limit=N&after=ID`, and `next` in an answer after which there is more.

use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::store::Page;

const USUALLY: u32 = 200;
const MOST: u32 = 1000;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Page")]
pub(super) struct Wanted {
    /// At most so many.
    #[schemars(range(min = 0, max = u32::MAX))]
    limit: Option<u32>,
    /// The last one of the page before.
    after: Option<Uuid>,
}

impl Wanted {
    /// With one more than is shown, which tells whether there is another page.
    pub(super) fn page<Id: From<Uuid>>(&self) -> Page<Id> {
        Page { most: self.most() + 1, after: self.after.map(Id::from) }
    }

    fn most(&self) -> u32 {
        self.limit.unwrap_or(USUALLY).clamp(1, MOST)
    }

    /// Cuts what was found to what is shown; the last one's id when there is more.
    pub(super) fn cut<T, Id>(&self, found: &mut Vec<T>, id: impl Fn(&T) -> Id) -> Option<Id> {
        let most = self.most() as usize;
        let more = found.len() > most;
        found.truncate(most);
        found.last().filter(|_| more).map(id)
    }
}
