use anteroom_protocol::{
    agent::Problem,
    exec::{Begun, ExecId},
};
use tokio::io::{DuplexStream, duplex};

use super::*;

/// The guest's end of it.
struct Guest {
    stream: DuplexStream,
    inbox: BytesMut,
}

impl Guest {
    fn begin() -> (Program, Self) {
        let (near, far) = duplex(64 * 1024);
        let spec = ExecSpec { argv: vec!["x".to_owned()], ..ExecSpec::default() };
        let (first, opened) = Run::without_input(spec).open().unwrap();
        (Program::begun(near, opened), Self { stream: far, inbox: first.into() })
    }

    async fn says(&mut self, frame: Frame) {
        let mut bytes = BytesMut::new();
        frame.write(&mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    async fn hears(&mut self) -> Frame {
        loop {
            if let Some(frame) = Frame::read(&mut self.inbox).unwrap() {
                return frame;
            }
            assert!(self.stream.read_buf(&mut self.inbox).await.unwrap() > 0, "it has hung up");
        }
    }

    async fn begins(&mut self) {
        assert!(matches!(self.hears().await, Frame::Start(spec) if spec.argv == ["x"]));
        assert!(matches!(self.hears().await, Frame::InputEnd));
        self.says(Frame::Begun(Begun { id: ExecId::random(), output: 0, input: 0 })).await;
    }

    async fn ends(&mut self, code: i32) {
        self.says(Frame::Ended(Ended { code, cause: None, timed_out: false })).await;
        assert!(matches!(self.hears().await, Frame::Seen));
    }
}

fn piece(length: usize) -> Frame {
    Frame::Stdout(vec![7; length].into())
}

#[tokio::test]
async fn output_and_complaint_and_code_are_told_apart() {
    let (mut program, mut guest) = Guest::begin();
    let playing = tokio::spawn(async move {
        guest.begins().await;
        guest.says(piece(3)).await;
        guest.says(Frame::Stderr(Bytes::from_static(b"oops\x1b[2J\n"))).await;
        guest.ends(4).await;
    });
    assert_eq!(program.next().await.unwrap().len(), 3);
    assert!(program.next().await.is_none());
    let end = program.end().await.unwrap();
    assert_eq!((end.ended.code, end.complaint.as_str()), (4, "oops\u{fffd}[2J"));
    playing.await.unwrap();
}

#[tokio::test]
async fn who_reads_slowly_makes_the_guest_wait() {
    let (mut program, mut guest) = Guest::begin();
    guest.begins().await;
    let pieces = AHEAD + 8;
    let telling = tokio::spawn(async move {
        for _ in 0..pieces {
            guest.says(piece(MAX_DATA_BYTES)).await;
        }
        guest
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!telling.is_finished(), "the guest is read ahead of the reader");
    for _ in 0..pieces {
        assert_eq!(program.next().await.unwrap().len(), MAX_DATA_BYTES);
    }
    let mut guest = telling.await.unwrap();
    assert!(matches!(guest.hears().await, Frame::Taken(through) if through >= TELL_EVERY_BYTES));
}

#[tokio::test]
async fn a_program_that_nobody_reads_is_left() {
    let (program, mut guest) = Guest::begin();
    guest.begins().await;
    guest.says(piece(5)).await;
    drop(program);
    assert!(matches!(guest.hears().await, Frame::Taken(u64::MAX)));
    assert!(matches!(guest.hears().await, Frame::Signal(SIGHUP)));
    assert!(matches!(guest.hears().await, Frame::Signal(SIGHUP)), "one that does not end is asked again");
    guest.ends(129).await;
}

#[tokio::test]
async fn a_guest_that_refuses_or_does_not_keep_to_the_protocol_is_told_so() {
    let error = async |frame: Frame| {
        let (program, mut guest) = Guest::begin();
        guest.begins().await;
        guest.says(frame).await;
        let mut program = program;
        assert!(program.next().await.is_none());
        program.end().await.unwrap_err()
    };
    let refused = error(Frame::Refused(Problem { error: "no user\u{7}".to_owned() })).await;
    assert!(matches!(refused, ProgramError::Refused(why) if why == "no user\u{fffd}"));
    assert!(matches!(error(Frame::InputEnd).await, ProgramError::Direction));
    let (mut program, guest) = Guest::begin();
    drop(guest);
    assert!(program.next().await.is_none());
    assert!(matches!(program.end().await.unwrap_err(), ProgramError::Lost(_)));
}
