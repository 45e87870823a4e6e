use super::*;

const INTERVAL: Duration = Duration::from_millis(33);

fn size() -> Size {
    Size::shown_of(1280, 800).unwrap()
}

fn plan(now: Instant, bits_per_second: u32) -> Plan {
    Plan::new(size(), INTERVAL, false, Budget::new(now, bits_per_second))
}

fn tiles(count: u16) -> Tiles {
    let mut tiles = Tiles::none(size());
    (0..count).for_each(|at| tiles.insert(at % 80, at / 80));
    tiles
}

/// Carries out what is due, at 100 bytes a frame, until it rests; says what and when.
fn run(plan: &mut Plan, start: Instant) -> Vec<(Duration, Order)> {
    let (mut now, mut made) = (start, Vec::new());
    loop {
        assert!(made.len() < 100, "it never ends");
        match plan.due(now) {
            Due::Now(order) if order.purpose == Purpose::SignOfLife => return made,
            Due::Now(order) => {
                plan.done(now, now, &order, order.kind(), 100);
                made.push((now - start, order));
            }
            Due::At(at) => {
                assert!(at > now, "it would spin");
                now = at;
            }
        }
    }
}

fn purposes(made: &[(Duration, Order)]) -> Vec<Purpose> {
    made.iter().map(|(_, order)| order.purpose).collect()
}

#[test]
fn it_begins_with_a_key_frame_is_refined_and_then_nothing_is_due() {
    let now = Instant::now();
    let made = run(&mut plan(now, 8_000_000), now);
    assert_eq!(purposes(&made), [Purpose::Key, Purpose::Refinement]);
    let (at, last) = &made[1];
    assert_eq!(last.quantizer, Quantizer::SHARP);
    assert!(last.tiles.is_full());
    assert!(*at < Duration::from_millis(300), "{at:?}");
}

#[test]
fn a_small_change_is_sharp_at_once() {
    let now = Instant::now();
    let mut plan = plan(now, 8_000_000);
    run(&mut plan, now);
    let later = now + Duration::from_secs(5);
    plan.change(&tiles(4));
    let made = run(&mut plan, later);
    assert_eq!(purposes(&made), [Purpose::Motion]);
    assert_eq!((made[0].0, made[0].1.quantizer), (Duration::ZERO, Quantizer::SHARP));
}

#[test]
fn a_large_change_is_coarse_and_refined_when_it_rests() {
    let now = Instant::now();
    let mut plan = plan(now, 1_000_000);
    run(&mut plan, now);
    let later = now + Duration::from_secs(5);
    plan.change(&tiles(3000));
    let made = run(&mut plan, later);
    assert_eq!(made[0].1.purpose, Purpose::Motion);
    assert!(made[0].1.quantizer >= Quantizer::FINEST_IN_MOTION);
    let last = made.last().unwrap();
    assert_eq!((last.1.purpose, last.1.quantizer), (Purpose::Refinement, Quantizer::SHARP));
    assert_eq!(last.1.tiles.count(), 3000);
    assert!(last.0 >= QUIET);
}

#[test]
fn a_picture_that_rests_gives_signs_of_life_that_change_nothing_and_hold_up_nothing() {
    let now = Instant::now();
    let mut plan = plan(now, 8_000_000);
    let rested = now + run(&mut plan, now).last().unwrap().0;
    let mut at = rested;
    for _ in 0..3 {
        assert_eq!(plan.due(at), Due::At(at + ALIVE));
        at += ALIVE;
        let Due::Now(order) = plan.due(at) else { panic!("no sign of life") };
        assert_eq!((order.purpose, order.kind()), (Purpose::SignOfLife, Kind::Inter));
        assert!(order.tiles.is_empty());
        plan.done(at, at, &order, Kind::Inter, 100);
    }
    plan.change(&tiles(4));
    assert!(
        matches!(plan.due(at), Due::Now(order) if order.purpose == Purpose::Motion && order.quantizer == Quantizer::SHARP)
    );
}

#[test]
fn a_sign_of_life_is_as_coarse_as_the_picture_that_waits_for_a_better_link() {
    let now = Instant::now();
    let mut plan = plan(now, 100_000);
    run(&mut plan, now);
    let later = now + Duration::from_secs(10);
    plan.budget.spend(later, Purpose::Refinement, 1, Quantizer::SHARP, 100);
    plan.change(&tiles(4000));
    let made = run(&mut plan, later);
    let at = later + made.last().unwrap().0 + Duration::from_secs(60);
    let Due::Now(order) = plan.due(at) else { panic!("no sign of life") };
    assert_eq!((order.purpose, order.quantizer), (Purpose::SignOfLife, made.last().unwrap().1.quantizer));
}

#[test]
fn frames_keep_their_distance() {
    let now = Instant::now();
    let mut plan = plan(now, 8_000_000);
    run(&mut plan, now);
    let later = now + Duration::from_secs(5);
    plan.change(&tiles(2));
    let Due::Now(order) = plan.due(later) else { panic!("the first is due at once") };
    plan.done(later, later, &order, Kind::Inter, 100);
    plan.change(&tiles(2));
    assert_eq!(plan.due(later), Due::At(later + INTERVAL));
    assert!(matches!(plan.due(later + INTERVAL), Due::Now(_)));
}

#[test]
fn key_frames_on_demand_come_four_times_a_second_at_most() {
    let now = Instant::now();
    let mut plan = plan(now, 8_000_000);
    let Due::Now(order) = plan.due(now) else { panic!("the first is due at once") };
    plan.done(now, now, &order, Kind::Key, 100);
    plan.want_key();
    plan.want_key();
    let made = run(&mut plan, now);
    let keys: Vec<_> =
        made.iter().filter(|(_, order)| order.purpose == Purpose::Key).map(|made| made.0).collect();
    assert_eq!(keys, [KEY_INTERVAL]);
}

#[test]
fn a_refinement_that_the_link_cannot_carry_waits_for_a_better_one() {
    let now = Instant::now();
    let mut plan = plan(now, 100_000);
    run(&mut plan, now);
    let later = now + Duration::from_secs(10);
    plan.budget.spend(later, Purpose::Refinement, 1, Quantizer::SHARP, 100);
    plan.change(&tiles(4000));
    let made = run(&mut plan, later);
    assert!(made.iter().all(|(_, order)| order.quantizer > Quantizer::SHARP), "{:?}", purposes(&made));
    let better = later + Duration::from_secs(10);
    plan.budget.set_bitrate(better, 100_000_000);
    let made = run(&mut plan, better);
    assert_eq!(made.last().map(|(_, order)| order.quantizer), Some(Quantizer::SHARP));
}

#[test]
fn what_the_link_cannot_make_sharp_at_once_is_made_sharp_in_parts_by_a_codec_that_can() {
    let now = Instant::now();
    let mut plan = Plan::new(size(), INTERVAL, true, Budget::new(now, 100_000));
    run(&mut plan, now);
    let later = now + Duration::from_secs(10);
    plan.budget.spend(later, Purpose::Refinement, 1, Quantizer::SHARP, 100);
    plan.change(&tiles(4000));
    let (mut at, mut sharp, mut parts) = (later, Tiles::none(size()), 0);
    while sharp.count() < 4000 {
        match plan.due(at) {
            Due::Now(order) => {
                let bytes = order.tiles.count() * 20;
                plan.done(at, at, &order, order.kind(), bytes);
                if order.quantizer == Quantizer::SHARP && !order.tiles.is_empty() {
                    assert!(bytes * 8 <= 200_000, "a part fills the link for {bytes} bytes");
                    sharp.add(&order.tiles);
                    parts += 1;
                }
            }
            Due::At(next) => {
                assert!(next > at, "it would spin");
                at = next;
            }
        }
    }
    assert!(parts > 3 && at < later + Duration::from_secs(30), "{parts} parts, {:?}", at - later);
}

#[test]
fn what_is_sharp_too_late_is_legible_soon_and_in_one_piece() {
    let now = Instant::now();
    let mut plan = Plan::new(size(), INTERVAL, true, Budget::new(now, 300_000));
    run(&mut plan, now);
    let later = now + Duration::from_secs(10);
    // Sharp, 4000 tiles would fill the link for five seconds; legible, for about one.
    plan.budget.spend(later - Duration::from_secs(5), Purpose::Refinement, 1, Quantizer::SHARP, 47);
    plan.change(&tiles(4000));
    let made = run(&mut plan, later);
    let legible = made.iter().position(|(_, order)| order.quantizer == Quantizer::FINEST_IN_MOTION);
    let (at, order) = &made[legible.expect("it becomes legible")];
    assert!(order.tiles.count() == 4000 && *at < Duration::from_secs(2), "{at:?}");
    let parts = &made[legible.unwrap() + 1..];
    let sharp: usize = parts.iter().map(|(_, order)| order.tiles.count()).sum();
    assert!(parts.len() > 1 && sharp >= 4000, "{:?}", purposes(&made));
}
