//! What a peer needs of pictures and hands, and nothing else of them: the tests have a film and a parrot.

use std::sync::Arc;

use anteroom_protocol::{desk::Directions, stream::PeerRole};

use crate::stream::{
    hands::{self, Desk, Role},
    picture::{Codec, Picture, Studio, Viewer},
};

/// Where pictures come from.
pub(in crate::stream) trait Pictures: Send + Sync + 'static {
    type View: View;

    /// Begins with a keyframe.
    fn watch(&self, codec: Codec) -> Self::View;
}

/// One viewer's pictures, until it is dropped.
pub(in crate::stream) trait View: Send + 'static {
    /// `None` when there will be no more.
    ///
    /// # Cancel safety
    /// No picture is lost when it is dropped and called again.
    fn next(&mut self) -> impl Future<Output = Option<Picture>> + Send;
    fn ask_for_keyframe(&self);
    /// In bit/s.
    fn set_bitrate(&self, bps: u32);
}

/// Where input goes, and where what the viewer is to be told comes from.
pub(in crate::stream) trait Hands: Send + Sync + 'static {
    type Hand: Hand;

    fn join(&self, role: PeerRole, clipboard: Directions) -> Self::Hand;
}

/// One viewer's hand, which lets go of everything when it is dropped.
pub(in crate::stream) trait Hand: Send + Sync + 'static {
    /// Whether it was input, and taken.
    fn receive(&self, text: &str) -> bool;
    /// The next text for the viewer; `None` when there will be no more.
    ///
    /// # Cancel safety
    /// No text is lost when it is dropped and called again.
    fn next(&self) -> impl Future<Output = Option<String>> + Send;
}

impl Pictures for Arc<Studio> {
    type View = Viewer;

    fn watch(&self, codec: Codec) -> Viewer {
        Studio::watch(self, codec)
    }
}

impl View for Viewer {
    fn next(&mut self) -> impl Future<Output = Option<Picture>> + Send {
        Self::next(self)
    }

    fn ask_for_keyframe(&self) {
        Self::ask_for_keyframe(self);
    }

    fn set_bitrate(&self, bps: u32) {
        Self::set_bitrate(self, bps);
    }
}

impl Hands for Arc<Desk> {
    type Hand = hands::Hand;

    fn join(&self, role: PeerRole, clipboard: Directions) -> hands::Hand {
        let role = match role {
            PeerRole::Controller => Role::Player,
            PeerRole::Viewer => Role::Viewer,
        };
        Desk::join(self, role, clipboard)
    }
}

impl Hand for hands::Hand {
    fn receive(&self, text: &str) -> bool {
        Self::receive(self, text)
    }

    fn next(&self) -> impl Future<Output = Option<String>> + Send {
        Self::next(self)
    }
}
