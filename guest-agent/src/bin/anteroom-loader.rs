//! PID 1 of a kernel whose drivers are modules, until the agent is; all that it does is in the library.

fn main() {
    anteroom_agent::load()
}
