//! The code that a person reads off one screen and types into another (RFC 8628 section 6.1).

use crate::secret::{NoRandomness, Secret};

/// Consonants, so that no code is a word.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// The largest multiple of 20 that fits a byte: below it every letter is as likely as every other.
const FAIR: u8 = 240;

/// So many letters before the hyphen, and so many behind it.
///
/// # Errors
/// When the kernel has no random numbers to give.
pub(super) fn random(shape: [usize; 2]) -> Result<Secret, NoRandomness> {
    let mut code = String::new();
    for (index, letters) in shape.into_iter().enumerate() {
        if index > 0 {
            code.push('-');
        }
        for _ in 0..letters {
            code.push(letter()?);
        }
    }
    Ok(Secret::new(code))
}

fn letter() -> Result<char, NoRandomness> {
    let mut byte = [FAIR];
    while byte[0] >= FAIR {
        getrandom::fill(&mut byte)?;
    }
    Ok(char::from(LETTERS[usize::from(byte[0]) % LETTERS.len()]))
}

/// Whether the person has typed this code; case, hyphens and spaces are nobody's concern.
pub(super) fn same(typed: &str, code: &Secret) -> bool {
    let bare = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
    };
    bare(typed) == bare(code.reveal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_the_shape_that_was_asked_for_and_no_vowel() {
        let code = random([4, 5]).unwrap();
        let (before, behind) = code.reveal().split_once('-').unwrap();
        assert_eq!((before.len(), behind.len()), (4, 5));
        assert!(before.bytes().chain(behind.bytes()).all(|b| LETTERS.contains(&b)), "{}", code.reveal());
        assert_ne!(random([4, 5]).unwrap(), code);
    }

    #[test]
    fn however_it_is_typed_it_is_the_same_code() {
        let code = Secret::new("WDJB-MJHT");
        for typed in ["WDJB-MJHT", "wdjbmjht", " wdjb mjht "] {
            assert!(same(typed, &code), "{typed}");
        }
        for typed in ["", "WDJB", "WDJB-MJHX", "WDJB-MJHTT"] {
            assert!(!same(typed, &code), "{typed}");
        }
    }
}
