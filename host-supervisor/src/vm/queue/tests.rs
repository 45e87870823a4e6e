//! What holds whoever comes and goes, in whatever order; and whose turn it is in the cases that people know.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn queue(at_once: usize, most_waiting: usize) -> Queue {
    Queue::new(LaunchBounds { at_once: NonZeroUsize::new(at_once).unwrap(), most_waiting })
}

/// A queue, and who is in it as what.
struct Play {
    queue: Queue,
    users: BTreeMap<Turn, &'static str>,
}

impl Play {
    fn new(at_once: usize, most_waiting: usize) -> Self {
        Self { queue: queue(at_once, most_waiting), users: BTreeMap::new() }
    }

    fn ask(&mut self, user: &'static str) -> Turn {
        let turn = self.queue.ask(user).unwrap();
        self.users.insert(turn, user);
        turn
    }

    fn launching(&self) -> Vec<Turn> {
        self.queue.launching.keys().copied().collect()
    }

    /// Whose launches begin, one after another, when each ends as soon as it has begun.
    fn order(&mut self) -> String {
        let mut order = Vec::new();
        while let Some(turn) = self.launching().first().copied() {
            order.push(self.users.get(&turn).copied().unwrap_or("-"));
            self.queue.leave(turn);
        }
        order.join(" ")
    }
}

#[test]
fn users_take_turns_whatever_each_has_asked_for() {
    let mut play = Play::new(1, 64);
    for _ in 0..5 {
        play.ask("ann");
    }
    for _ in 0..2 {
        play.ask("bob");
    }
    play.ask("cid");
    assert_eq!(play.order(), "ann bob cid ann bob ann ann ann");
}

#[test]
fn the_first_start_of_a_user_is_not_delayed_by_twenty_of_another() {
    let mut play = Play::new(2, 64);
    for _ in 0..20 {
        play.ask("ann");
    }
    let bob = play.ask("bob");
    assert_eq!(play.queue.ahead_of(bob), Some(0));
    let first = play.launching()[0];
    play.queue.leave(first);
    assert_eq!(play.queue.ahead_of(bob), None);
}

#[test]
fn one_that_goes_away_leaves_its_place_to_the_next_of_the_same_user() {
    let mut play = Play::new(1, 64);
    play.ask("ann");
    let given_up = play.ask("bob");
    play.ask("cid");
    let next = play.ask("bob");
    assert_eq!(play.queue.ahead_of(next), Some(2));
    play.queue.leave(given_up);
    assert_eq!(play.queue.ahead_of(next), Some(0));
    assert_eq!(play.order(), "ann bob cid");
}

#[test]
fn a_full_queue_refuses_and_a_place_that_is_free_needs_no_queue() {
    let mut play = Play::new(1, 1);
    let launched = play.ask("ann");
    play.ask("bob");
    assert_eq!(play.queue.ask("cid"), Err(QueueFull { most_waiting: 1 }));
    play.queue.leave(launched);
    play.ask("cid");
    let mut without = queue(1, 0);
    assert!(without.ask("ann").is_ok());
    assert_eq!(without.ask("ann"), Err(QueueFull { most_waiting: 0 }));
}

#[test]
fn work_in_the_background_goes_when_nobody_waits_and_leaves_a_place_for_whoever_comes() {
    let mut play = Play::new(2, 64);
    let [first, second] = [(); 2].map(|()| play.queue.ask_in_background());
    assert_eq!((play.queue.ahead_of(first), play.queue.ahead_of(second)), (None, Some(0)));
    let ann = play.ask("ann");
    let bob = play.ask("bob");
    assert_eq!((play.queue.ahead_of(ann), play.queue.ahead_of(bob)), (None, Some(0)));
    assert_eq!(play.queue.ahead_of(second), Some(1));
    play.queue.leave(first);
    assert_eq!(play.queue.ahead_of(bob), None);
    assert_eq!(play.order(), "ann bob -");

    let mut single = queue(1, 64);
    let only = single.ask_in_background();
    assert_eq!(single.ahead_of(only), None, "where there is one place it may have that");
}

#[test]
fn what_another_daemon_has_begun_counts_however_much_it_is() {
    let mut play = Play::new(1, 64);
    let taken_over = [(); 3].map(|()| play.queue.enter());
    let ann = play.ask("ann");
    for turn in taken_over {
        assert_eq!(play.queue.ahead_of(ann), Some(0));
        play.queue.leave(turn);
    }
    assert_eq!(play.queue.ahead_of(ann), None);
}

/// What can happen; numbers choose among what there is.
#[derive(Debug, Clone, Copy)]
enum Step {
    Ask(usize),
    AskInBackground,
    Enter,
    LaunchEnds(prop::sample::Index),
    GoesAway(prop::sample::Index),
}

const USERS: [&str; 5] = ["ann", "bob", "cid", "dee", "eve"];

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..USERS.len()).prop_map(Step::Ask),
        1 => Just(Step::AskInBackground),
        1 => Just(Step::Enter),
        4 => any::<prop::sample::Index>().prop_map(Step::LaunchEnds),
        2 => any::<prop::sample::Index>().prop_map(Step::GoesAway),
    ]
}

proptest! {
    #[test]
    fn the_bounds_hold_nobody_waits_for_a_free_place_and_each_user_keeps_their_order(
        at_once in 1_usize..4,
        most_waiting in 0_usize..12,
        steps in prop::collection::vec(any_step(), 0..120),
    ) {
        let mut queue = queue(at_once, most_waiting);
        let mut users: BTreeMap<Turn, &str> = BTreeMap::new();
        let (mut background, mut waiting, mut entered) = (Vec::new(), Vec::<Turn>::new(), 0);
        for step in steps {
            match step {
                Step::Ask(user) => {
                    let had_to_wait = queue.launching() >= at_once;
                    match queue.ask(USERS[user]) {
                        Ok(turn) => {
                            users.insert(turn, USERS[user]);
                            waiting.push(turn);
                        }
                        Err(_) => prop_assert!(had_to_wait && queue.waiting() == most_waiting),
                    }
                }
                Step::AskInBackground => background.push(queue.ask_in_background()),
                Step::Enter => {
                    queue.enter();
                    entered += 1;
                }
                Step::LaunchEnds(_) if queue.launching() == 0 => {}
                Step::LaunchEnds(which) => {
                    let turn = *which.get(&queue.launching.keys().copied().collect::<Vec<_>>());
                    queue.leave(turn);
                }
                Step::GoesAway(_) if queue.people.is_empty() => {}
                Step::GoesAway(which) => {
                    let turn = which.get(&queue.people).turn;
                    waiting.retain(|other| *other != turn);
                    queue.leave(turn);
                }
            }
            // Whoever does not wait any more was launched.
            let (still, launched): (Vec<Turn>, Vec<Turn>) =
                waiting.iter().partition(|turn| queue.ahead_of(**turn).is_some());
            for turn in launched {
                let overtaken = still.iter().any(|other| *other < turn && users[other] == users[&turn]);
                prop_assert!(!overtaken, "a later start of the same user goes first");
            }
            waiting = still;
            prop_assert!(queue.launching() <= at_once + entered);
            prop_assert!(queue.waiting() <= most_waiting);
            prop_assert_eq!(queue.waiting(), waiting.len());
            if queue.launching() < at_once {
                prop_assert_eq!(queue.waiting(), 0, "a place is free and somebody waits");
            }
            let in_background = queue.launching.keys().filter(|turn| background.contains(turn)).count();
            prop_assert!(in_background <= 1.max(at_once - 1), "no place is left for whoever comes next");
            let mut places: Vec<Option<usize>> = queue.people.iter().map(|w| queue.ahead_of(w.turn)).collect();
            places.extend(queue.background.iter().map(|turn| queue.ahead_of(*turn)));
            prop_assert_eq!(places, (0..queue.people.len() + queue.background.len()).map(Some).collect::<Vec<_>>());
        }
    }

    /// A user's start with others of theirs before it, and then new users for ever: it goes all the same.
    #[test]
    fn nobody_waits_for_ever_however_many_others_come(at_once in 1_usize..4, before in 0_usize..6) {
        let mut queue = queue(at_once, 64);
        for _ in 0..at_once + before {
            queue.ask("ann").unwrap();
        }
        let last = queue.ask("ann").unwrap();
        // Those that may overtake it, its own user's, and itself; one is launched each time.
        let bound = ROUND * (at_once + before) as u64 + before as u64 + 1;
        let mut later = 0;
        while queue.ahead_of(last).is_some() {
            later += 1;
            queue.ask(&format!("user-{later}")).unwrap();
            let turn = *queue.launching.keys().next().unwrap();
            queue.leave(turn);
            prop_assert!(later <= bound, "{later} others have come and it still waits");
        }
    }

    #[test]
    fn a_users_first_start_goes_before_anybodys_second(
        at_once in 1_usize..4,
        steps in prop::collection::vec((0..USERS.len(), any::<bool>()), 0..60),
    ) {
        let mut queue = queue(at_once, 64);
        let mut seconds = Vec::new();
        for (user, ends) in steps {
            let user = USERS[user];
            let has_others = queue.launching.values().any(|other| other.as_deref() == Some(user))
                || queue.people.iter().any(|waiting| waiting.user == user);
            let turn = queue.ask(user).unwrap();
            if has_others {
                seconds.push(turn);
            } else if let Some(ahead) = queue.ahead_of(turn) {
                prop_assert!(queue.people[..ahead].iter().all(|other| !seconds.contains(&other.turn)));
            }
            if ends {
                let turn = *queue.launching.keys().next().unwrap();
                queue.leave(turn);
            }
        }
    }
}
