use super::{LARGEST_PROMPT_BYTES, PromptError, read_prompt};

#[test]
fn a_prompt_is_some_text_of_a_mebibyte_at_most() {
    assert_eq!(read_prompt(&b"hello\n"[..]).unwrap(), "hello\n");
    let largest = usize::try_from(LARGEST_PROMPT_BYTES).unwrap();
    assert!(read_prompt("a".repeat(largest).as_bytes()).is_ok());
    for useless in [String::new(), " \n".to_owned(), "a".repeat(largest + 1)] {
        assert!(matches!(read_prompt(useless.as_bytes()), Err(PromptError::NoPrompt)));
    }
    assert!(matches!(read_prompt(&b"\xff"[..]), Err(PromptError::Input(_))));
}
