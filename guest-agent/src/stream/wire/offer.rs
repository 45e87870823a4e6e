//! What of an offer (RFC 8866, RFC 8829) concerns us before the library reads it.
//!
//! We only send. A browser that offers both directions is answered as one that offers to receive: its own camera is none of
//! the guest's business.

use anteroom_protocol::stream::MAX_SDP_BYTES;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum OfferError {
    #[error("the offer is larger than {MAX_SDP_BYTES} bytes")]
    TooLarge,
    #[error("the offer is no session description")]
    Senseless,
    #[error("the offer does not ask for a video")]
    NoVideo,
    #[error("the offer has no codec that there is: expected H.264 constrained baseline or VP8")]
    NoCodec,
}

/// The offer as one that only receives video.
pub(super) fn receiving(sdp: &str) -> Result<String, OfferError> {
    if sdp.len() > MAX_SDP_BYTES {
        return Err(OfferError::TooLarge);
    }
    if !sdp.starts_with("v=0") {
        return Err(OfferError::Senseless);
    }
    let mut sections: Vec<Vec<&str>> = vec![Vec::new()];
    for line in sdp.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
        if line.starts_with("m=") {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(line);
        }
    }
    // RFC 8866 section 6.7: what stands before the sections counts for those that say nothing, and nothing means both ways.
    let usual = sections[0].iter().find_map(|line| direction(line)).unwrap_or("sendrecv");
    let mut video = false;
    for section in sections.iter_mut().skip(1).filter(|section| section[0].starts_with("m=video")) {
        let said = section.iter().find_map(|line| direction(line)).unwrap_or(usual);
        let wants = matches!(said, "sendrecv" | "recvonly");
        video |= wants;
        if wants {
            section.retain(|line| direction(line).is_none());
            section.push("a=recvonly");
        }
    }
    if !video {
        return Err(OfferError::NoVideo);
    }
    Ok(sections.concat().iter().flat_map(|line| [line, "\r\n"]).collect())
}

/// The names (RFC 5888) of the sections with a video, in the order of the offer.
pub(super) fn videos(sdp: &str) -> impl Iterator<Item = &str> {
    let mut video = false;
    sdp.lines().filter_map(move |line| {
        if line.starts_with("m=") {
            video = line.starts_with("m=video");
        }
        line.strip_prefix("a=mid:").filter(|_| video).map(str::trim)
    })
}

fn direction(line: &str) -> Option<&str> {
    let word = line.strip_prefix("a=")?;
    matches!(word, "sendrecv" | "sendonly" | "recvonly" | "inactive").then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";

    fn offer(sections: &str) -> String {
        format!("{HEAD}{sections}")
    }

    #[test]
    fn a_video_that_would_go_both_ways_comes_to_the_viewer_only() {
        let video = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n";
        let expected = offer(&format!("{video}a=recvonly\r\n"));
        for said in ["a=sendrecv\r\n", "a=recvonly\r\n", ""] {
            assert_eq!(receiving(&offer(&format!("{video}{said}"))), Ok(expected.clone()), "{said}");
        }
    }

    #[test]
    fn other_sections_stay_as_they_are() {
        let text = offer(
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=recvonly\r\n",
        );
        assert_eq!(receiving(&text), Ok(text));
    }

    #[test]
    fn the_videos_are_found_by_their_names() {
        let text =
            offer("m=audio 9 X 1\r\na=mid:a\r\nm=video 9 X 2\r\na=mid:b\r\nm=video 9 X 3\r\na=mid:c\r\n");
        assert_eq!(videos(&text).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn an_offer_without_a_video_to_send_is_refused() {
        assert_eq!(receiving(&offer("m=application 9 UDP/DTLS/SCTP x\r\n")), Err(OfferError::NoVideo));
        assert_eq!(receiving(&offer("m=video 9 X 96\r\na=sendonly\r\n")), Err(OfferError::NoVideo));
        assert_eq!(receiving(&offer("a=inactive\r\nm=video 9 X 96\r\n")), Err(OfferError::NoVideo));
        assert_eq!(receiving("{}"), Err(OfferError::Senseless));
        assert_eq!(receiving(&offer(&"a=x\r\n".repeat(14_000))), Err(OfferError::TooLarge));
    }
}
