//! What the display takes by itself: from a key at the X server to what the terminal paints, with no viewer in between.

use std::{
    os::unix::net::UnixStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use x11rb::{
    connection::Connection as _,
    protocol::{
        Event,
        damage::{ConnectionExt as _, ReportLevel},
        xfixes::ConnectionExt as _,
        xproto::{ConnectionExt as _, KEY_PRESS_EVENT, KEY_RELEASE_EVENT},
        xtest::ConnectionExt as _,
    },
    rust_connection::{DefaultStream, RustConnection},
};

/// The letter `m`.
const KEYSYM: u32 = 0x6d;

/// In a guest that is no VM, whose X server has this process id: its socket is reached through its root directory.
pub(crate) fn latencies_ms(x_server: u32, keys: usize) -> Result<Vec<f64>> {
    let socket = format!("/proc/{x_server}/root/tmp/.X11-unix/X1");
    let stream = UnixStream::connect(Path::new(&socket)).context(socket)?;
    let (stream, _) = DefaultStream::from_unix_stream(stream)?;
    let x = RustConnection::connect_to_stream(stream, 0)?;
    let root = x.setup().roots.first().context("a screen")?.root;
    x.damage_query_version(1, 1)?.reply()?;
    x.xfixes_query_version(5, 0)?.reply()?;
    let damage = x.generate_id()?;
    x.damage_create(damage, root, ReportLevel::NON_EMPTY)?.check()?;
    let key = keycode(&x)?;
    let mut latencies = Vec::with_capacity(keys);
    for _ in 0..keys {
        std::thread::sleep(Duration::from_millis(300));
        x.damage_subtract(damage, x11rb::NONE, x11rb::NONE)?.check()?;
        while x.poll_for_event()?.is_some() {}
        let since = Instant::now();
        x.xtest_fake_input(KEY_PRESS_EVENT, key, 0, root, 0, 0, 0)?;
        x.xtest_fake_input(KEY_RELEASE_EVENT, key, 0, root, 0, 0, 0)?;
        x.flush()?;
        while !matches!(x.wait_for_event()?, Event::DamageNotify(_)) {}
        latencies.push(since.elapsed().as_secs_f64() * 1e3);
    }
    Ok(latencies)
}

fn keycode(x: &RustConnection) -> Result<u8> {
    let (first, last) = (x.setup().min_keycode, x.setup().max_keycode);
    let map = x.get_keyboard_mapping(first, last - first + 1)?.reply()?;
    let per_key = usize::from(map.keysyms_per_keycode).max(1);
    let found =
        map.keysyms.chunks(per_key).position(|key| key.contains(&KEYSYM)).context("a key with an m")?;
    Ok(first + u8::try_from(found)?)
}
