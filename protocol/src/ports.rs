//! Port numbers that both sides know.

/// vsock port of the agent's control API (HTTP/1.1).
pub const AGENT_VSOCK: u32 = 1024;
/// vsock port of the host on which the agent knocks when its control API listens: a connection that carries no bytes. The
/// host must not dial before it, for a guest whose vsock driver is just starting (systemd(1) tells its readiness over
/// `vmm.notify_socket` in the same way).
pub const HOST_KNOCK: u32 = 1025;
/// vsock port on which the guest's `stream` role takes the datagrams of its viewers (`stream::datagram`). A port of its own:
/// a way through PID 1 would cost every picture and every key press another wake-up.
pub const STREAM_VSOCK: u32 = 1026;
/// Where a guest that is no VM, and so has no vsock, finds a Unix socket for each of these ports, named by its number.
pub const STAND_IN: &str = "/anteroom-vsock";
/// vsock context id of the host (`VMADDR_CID_HOST`, vsock(7)): the only peer the agent answers.
pub const HOST_CID: u32 = 2;
/// TCP port of the agent's health and sign-in endpoint inside the VM.
pub const GUEST_HTTP: u16 = 8080;
/// TCP port of x11vnc on the guest's loopback.
pub const GUEST_VNC: u16 = 5900;
/// TCP port of websockify on the guest's loopback.
pub const GUEST_WEBSOCKIFY: u16 = 6080;
