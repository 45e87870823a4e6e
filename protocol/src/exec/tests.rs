use bytes::{Bytes, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::agent::Problem;

fn every_frame() -> Vec<Frame> {
    let spec = ExecSpec {
        argv: vec!["printf".to_owned(), "%s".to_owned()],
        terminal: Some(TerminalSpec { term: "xterm".to_owned(), rows: 24, columns: 80 }),
        ..ExecSpec::default()
    };
    let id = ExecId::random();
    vec![
        Frame::Start(Box::new(spec)),
        Frame::Attach(Attach { id, output: Some(7) }),
        Frame::Input(Bytes::from_static(b"in")),
        Frame::InputEnd,
        Frame::Resize { rows: 50, columns: 300 },
        Frame::Signal(15),
        Frame::Taken(u64::MAX),
        Frame::Seen,
        Frame::Begun(Begun { id, output: 7, input: 3 }),
        Frame::Stdout(Bytes::from(vec![7; MAX_DATA_BYTES])),
        Frame::Stderr(Bytes::from_static(&[0])),
        Frame::Credit(1),
        Frame::Ended(Ended { code: 137, cause: Some("killed".to_owned()), timed_out: false }),
        Frame::Refused(Problem { error: "no".to_owned() }),
    ]
}

#[test]
fn what_was_written_is_read_however_the_bytes_arrive() {
    let frames = every_frame();
    let mut bytes = BytesMut::new();
    for frame in &frames {
        frame.write(&mut bytes).unwrap();
    }
    let (mut stream, mut read) = (BytesMut::new(), Vec::new());
    for byte in bytes {
        stream.extend_from_slice(&[byte]);
        read.extend(Frame::read(&mut stream).unwrap());
    }
    let shown = |frames: &[Frame]| frames.iter().map(|frame| format!("{frame:?}")).collect::<Vec<_>>();
    assert_eq!(shown(&read), shown(&frames));
    let Frame::Start(spec) = &read[0] else { panic!("{:?}", read[0]) };
    assert_eq!(spec.argv, ["printf", "%s"]);
}

#[test]
fn a_frame_that_is_too_large_is_refused_by_its_header() {
    let header = |kind: u8, length: u32| {
        let mut stream = BytesMut::from(&[kind][..]);
        stream.extend_from_slice(&length.to_be_bytes());
        Frame::read(&mut stream).map(|frame| frame.is_none()).map_err(|error| error.to_string())
    };
    assert_eq!(header(0x03, 65536), Ok(true));
    assert!(header(0x03, 65537).unwrap_err().contains("65537 bytes"));
    assert!(header(0x03, 0).is_err());
    assert!(header(0x01, u32::MAX).is_err());
    assert!(header(0x05, 3).is_err());
    assert!(header(0x7f, 1).unwrap_err().contains("no kind"));
    assert!(Frame::Input(Bytes::new()).write(&mut BytesMut::new()).is_err());
    assert!(Frame::Stdout(Bytes::from(vec![0; MAX_DATA_BYTES + 1])).write(&mut BytesMut::new()).is_err());
}

#[test]
fn a_fault_in_json_does_not_quote_it() {
    let mut stream = BytesMut::from(&b"\x01\0\0\0\x2b{\"environment\":{\"TOKEN\":[\"planted-secret\"]}}"[..]);
    let error = Frame::read(&mut stream).unwrap_err();
    assert_eq!(error, FrameError::Json { kind: 1 });
    let spec = ExecSpec {
        argv: vec!["curl".to_owned(), "planted-argument".to_owned()],
        environment: [("TOKEN".to_owned(), "planted-secret".to_owned())].into(),
        ..ExecSpec::default()
    };
    assert!(!format!("{spec:?}").contains("planted"), "{spec:?}");
}

#[test]
fn what_no_process_can_be_made_of_is_refused_with_the_part_that_is_wrong() {
    let spec = ExecSpec::default;
    let wrong = |spec: ExecSpec| spec.check().unwrap_err().to_string();
    assert_eq!(spec().check(), Ok(()));
    assert!(wrong(ExecSpec { argv: vec!["a\0b".to_owned()], ..spec() }).contains("argument"));
    assert!(wrong(ExecSpec { argv: vec![String::new(); 4097], ..spec() }).contains("4096 arguments"));
    let named = |name: &str| [(name.to_owned(), String::new())].into();
    assert!(wrong(ExecSpec { environment: named("A=B"), ..spec() }).contains("A=B"));
    assert!(wrong(ExecSpec { environment: named(""), ..spec() }).contains("no name"));
    assert!(wrong(ExecSpec { directory: Some("tmp".to_owned()), ..spec() }).contains("absolute"));
    let terminal = TerminalSpec { term: "xterm".to_owned(), rows: 0, columns: 80 };
    assert!(wrong(ExecSpec { terminal: Some(terminal), ..spec() }).contains("one row"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_keep_more_than_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut stream = BytesMut::from(&bytes[..]);
        while let Ok(Some(frame)) = Frame::read(&mut stream) {
            let mut again = BytesMut::new();
            frame.write(&mut again).unwrap();
        }
    }
}
