//! The laws of the batches, on any sequence of events; time is a number here.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const QUIET: u64 = 300;
const PATIENCE: u64 = 2000;
const PAUSE: u64 = 5000;
const STORM: usize = 20;

#[derive(Debug, Clone, Copy)]
enum Happens {
    Path(u8),
    Renamed(u8, u8),
    Everything,
}

fn options() -> WatchOptions {
    WatchOptions {
        quiet: Duration::from_millis(QUIET),
        patience: Duration::from_millis(PATIENCE),
        pause: Duration::from_millis(PAUSE),
        storm: STORM,
        ..WatchOptions::default()
    }
}

fn path(name: u8) -> PathBuf {
    PathBuf::from(format!("{name}.md"))
}

fn paths(names: &[u8]) -> Changes {
    Changes::Paths(names.iter().map(|name| path(*name)).collect())
}

/// What is handed out, and when, if it is taken at every moment at which something is due.
fn run(events: &[(u64, Happens)]) -> Vec<(u64, Changes)> {
    let start = Instant::now();
    let at = |ms: u64| start + Duration::from_millis(ms);
    let mut debounce = Debounce::new(options());
    let mut out = Vec::new();
    let mut take_until = |debounce: &mut Debounce, until: Option<Instant>| {
        while let Some(due) = debounce.due().filter(|due| until.is_none_or(|until| *due <= until)) {
            assert_eq!(
                debounce.take(due.checked_sub(Duration::from_millis(1)).unwrap()),
                None,
                "nothing comes before it is due"
            );
            let changes = debounce.take(due).expect("what is due comes");
            out.push(((due - start).as_millis() as u64, changes));
        }
    };
    for (ms, happens) in events {
        take_until(&mut debounce, Some(at(*ms)));
        match *happens {
            Happens::Path(name) => debounce.path(path(name), at(*ms)),
            Happens::Renamed(from, to) => debounce.renamed(path(from), path(to), at(*ms)),
            Happens::Everything => debounce.everything(at(*ms)),
        }
        assert!(!debounce.is_idle());
    }
    take_until(&mut debounce, None);
    assert!(debounce.is_idle());
    out
}

#[test]
fn a_burst_comes_out_once_when_it_is_over() {
    let burst = [(0, Happens::Path(1)), (50, Happens::Path(2)), (100, Happens::Path(1)), (140, Happens::Path(2))];
    assert_eq!(run(&burst), [(400, paths(&[1])), (440, paths(&[2]))]);
}

#[test]
fn a_file_that_is_always_written_comes_out_all_the_same_and_delays_no_other() {
    let mut events: Vec<(u64, Happens)> = (0..50).map(|n| (n * 100, Happens::Path(1))).collect();
    events.push((1000, Happens::Path(2)));
    events.sort_by_key(|(ms, _)| *ms);
    let out = run(&events);
    assert_eq!(out[0], (1300, paths(&[2])));
    assert_eq!(out[1], (2000, paths(&[1])));
    assert_eq!(out.last(), Some(&(4900 + QUIET, paths(&[1]))), "and once more after the last change");
}

#[test]
fn both_sides_of_a_rename_come_out_together_though_one_is_still_written() {
    let events = [(0, Happens::Renamed(1, 2)), (200, Happens::Path(2))];
    assert_eq!(run(&events), [(300, paths(&[1, 2]))]);
    let chain = [(0, Happens::Renamed(1, 2)), (10, Happens::Renamed(2, 3)), (200, Happens::Path(3))];
    assert_eq!(run(&chain), [(300, paths(&[1, 2, 3]))]);
}

#[test]
fn a_storm_is_everything_once_and_again_only_after_a_pause() {
    let storm = |from: u64| (0..200_u64).map(move |n| (from + n, Happens::Path(n as u8)));
    assert_eq!(run(&storm(0).collect::<Vec<_>>()), [(199 + QUIET, Changes::Everything)]);
    let two: Vec<_> = storm(0).chain(storm(1000)).collect();
    assert_eq!(run(&two), [(199 + QUIET, Changes::Everything), (199 + QUIET + PAUSE, Changes::Everything)]);
}

#[test]
fn a_storm_that_does_not_end_is_followed_all_the_same() {
    let events: Vec<_> = (0..1500_u64).map(|n| (n * 10, Happens::Path(n as u8))).collect();
    let at = |n: u64| (PATIENCE + n * PAUSE, Changes::Everything);
    assert_eq!(run(&events), [at(0), at(1), at(2), at(3)]);
}

fn any_events() -> impl Strategy<Value = Vec<(u64, Happens)>> {
    let happens = prop_oneof![
        12 => (0..30_u8).prop_map(Happens::Path),
        3 => (0..30_u8, 0..30_u8).prop_map(|(from, to)| Happens::Renamed(from, to)),
        1 => Just(Happens::Everything),
    ];
    let gap = prop_oneof![6 => 0..50_u64, 2 => 200..400_u64, 1 => 1000..9000_u64];
    prop::collection::vec((gap, happens), 1..80).prop_map(|events| {
        let mut now = 0;
        events
            .into_iter()
            .map(|(gap, happens)| {
                now += gap;
                (now, happens)
            })
            .collect()
    })
}

/// The last moment at which something happened to each path; `None` stands for everything.
fn last_events(events: &[(u64, Happens)]) -> BTreeMap<Option<PathBuf>, u64> {
    let mut last = BTreeMap::new();
    for (ms, happens) in events {
        let names: &[Option<u8>] = match *happens {
            Happens::Path(name) => &[Some(name)],
            Happens::Renamed(from, to) => &[Some(from), Some(to)],
            Happens::Everything => &[None],
        };
        for name in names {
            last.insert(name.map(path), *ms);
        }
    }
    last
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_waits_too_long(events in any_events()) {
        let out = run(&events);
        for (path, last) in last_events(&events) {
            let after = out.iter().find(|(ms, changes)| {
                *ms >= last
                    && match (changes, &path) {
                        (Changes::Everything, _) => true,
                        (Changes::Paths(paths), Some(path)) => paths.contains(path),
                        (Changes::Paths(_), None) => false,
                    }
            });
            prop_assert!(after.is_some(), "{path:?} at {last} in {out:?}");
            prop_assert!(after.unwrap().0 <= last + PATIENCE + PAUSE, "{path:?} at {last} in {out:?}");
        }
        for (_, changes) in &out {
            if let Changes::Paths(paths) = changes {
                prop_assert!(!paths.is_empty() && paths.len() <= STORM);
            }
        }
    }

    #[test]
    fn a_burst_gives_every_path_once_whatever_the_order(
        names in prop::collection::vec(0..(STORM as u8), 1..60),
        turn in any::<prop::sample::Index>(),
    ) {
        // All within the quiet time: at most 60 events, 4 ms apart.
        let burst = |names: &[u8]| {
            let events: Vec<_> = names.iter().enumerate().map(|(n, name)| (n as u64 * 4, Happens::Path(*name))).collect();
            run(&events)
        };
        let count = |out: &[(u64, Changes)]| {
            let mut count: BTreeMap<PathBuf, usize> = BTreeMap::new();
            for (_, changes) in out {
                let Changes::Paths(paths) = changes else { panic!("no storm") };
                for path in paths {
                    *count.entry(path.clone()).or_default() += 1;
                }
            }
            count
        };
        let once: BTreeMap<PathBuf, usize> = names.iter().map(|name| (path(*name), 1)).collect();
        prop_assert_eq!(count(&burst(&names)), once.clone());
        let mut turned = names.clone();
        turned.rotate_left(turn.index(names.len()));
        turned.reverse();
        prop_assert_eq!(count(&burst(&turned)), once);
    }
}
