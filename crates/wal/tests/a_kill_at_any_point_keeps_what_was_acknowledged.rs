//! Goal: wherever the process dies, what it acknowledged is there after recovery, in order, and nothing is invented.
//! This binary runs itself as a child that commits, says so on its output, and is ended at a fault point.
#![allow(clippy::unwrap_used, reason = "a failing step of a test is its report")]

mod model;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use model::{compare, compare_recovered, gather, options, Model, Random};
use rafterdb_wal::{open, Backend, Durability, Options};

const CHILD: &str = "RAFTERDB_WAL_CHILD";
const COMMITS_OF_A_LIFE: u64 = 120;
const LIVES: u64 = 3;

/// Commit number `at` of the history of `seed`, given all before it. The same in parent and child.
fn commit_of(model: &mut Model, seed: u64, at: u64) -> Vec<model::Op> {
    let mut random = Random(seed.wrapping_mul(0x1_0000_0001) ^ at);
    let ops = model.random_commit(&mut random, 5, 4000);
    ops.iter().for_each(|op| model.apply(op));
    ops
}

fn history(seed: u64, commits: u64) -> Model {
    let mut model = Model::default();
    for at in 0..commits {
        commit_of(&mut model, seed, at);
    }
    model
}

fn log_options(dir: &Path, backend: Backend) -> Options {
    options(dir, 32 << 10, Durability::Always, backend)
}

/// The child: goes on with the history after `from` commits, and acknowledges each on its output.
#[test]
fn child_process() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let orders: Vec<&str> = orders.split('|').collect();
    let (seed, from) = (orders[0].parse().unwrap(), orders[1].parse().unwrap());
    let backend = if orders[2] == "buffered" {
        Backend::Buffered
    } else {
        Backend::Auto
    };
    let (mut writer, _, recovered) = open(log_options(Path::new(orders[3]), backend)).unwrap();
    let mut output = std::io::stdout().lock();
    writeln!(output, "mode {}", recovered.mode).unwrap();
    let mut model = history(seed, from);
    for at in from..from + COMMITS_OF_A_LIFE {
        gather(&mut writer, &commit_of(&mut model, seed, at));
        writer.commit().unwrap();
        writeln!(output, "ack {}", at + 1).unwrap();
        output.flush().unwrap();
    }
}

struct Life {
    acknowledged: u64,
    was_killed: bool,
    mode: String,
}

fn live(dir: &Path, seed: u64, from: u64, backend: &str, fault: &str) -> Life {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_process", "--exact", "--nocapture"])
        .env(CHILD, format!("{seed}|{from}|{backend}|{}", dir.display()))
        .env(rafterdb_fault::VARIABLE, fault)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    let was_killed = !child.wait().unwrap().success();
    let after = |word: &str| output.lines().filter_map(|line| line.split_once(word)).next_back();
    let acknowledged = after("ack ").map_or(from, |(_, number)| number.parse().unwrap());
    let mode = after("mode ").map_or(String::new(), |(_, mode)| mode.to_owned());
    Life {
        acknowledged,
        was_killed,
        mode,
    }
}

#[test]
fn a_kill_at_any_point_keeps_what_was_acknowledged() {
    let mut struck = BTreeMap::new();
    let mut modes = BTreeMap::new();
    let points = rafterdb_fault::POINTS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.starts_with("wal."));
    for (seed, point) in points
        .enumerate()
        .flat_map(|(at, point)| [(at as u64 * 2, point), (at as u64 * 2 + 1, point)])
    {
        let backend = if seed % 2 == 0 { "auto" } else { "buffered" };
        let dir = tempfile::tempdir().unwrap();
        let mut random = Random(seed);
        let mut from = 0;
        for _ in 0..LIVES {
            let hits = if point.contains("segment") || point == "wal.cut" {
                4
            } else {
                60
            };
            let hit = if point.contains("recover") {
                1
            } else {
                1 + random.below(hits)
            };
            let fault = format!("{point}=abort@{hit}");
            let life = live(dir.path(), seed, from, backend, &fault);
            let at = format!(
                "seed {seed} from {from}, {fault} {backend}: acknowledged {}",
                life.acknowledged
            );
            assert!(
                life.was_killed || life.acknowledged == from + COMMITS_OF_A_LIFE,
                "{at}: the child failed"
            );
            *struck.entry(point).or_insert(0) += u32::from(life.was_killed);
            *modes.entry(life.mode).or_insert(0) += 1;

            let (writer, reader, recovered) = open(log_options(dir.path(), Backend::Buffered)).expect(&at);
            from = life.acknowledged;
            let mut model = history(seed, from);
            let mut found = compare_recovered(&recovered, &reader, &model);
            if found.is_err() && life.was_killed {
                // The commit that was under way may be there, whole.
                commit_of(&mut model, seed, from);
                from += 1;
                found = compare_recovered(&recovered, &reader, &model);
            }
            found.expect(&at);
            drop(writer);
        }
    }
    println!("lives by mode: {modes:?}\nkilled at: {struck:?}");
    assert!(
        struck.values().all(|kills| *kills > 0),
        "a point was never struck: {struck:?}"
    );
}

#[test]
fn a_missing_acknowledged_commit_is_caught() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(log_options(dir.path(), Backend::Auto)).unwrap();
    let mut model = Model::default();
    for at in 0..20 {
        let ops = commit_of(&mut model, 1, at);
        if at < 19 {
            gather(&mut writer, &ops);
            writer.commit().unwrap();
        }
    }
    assert!(compare(&reader, &history(1, 19)).is_ok() && compare(&reader, &model).is_err());
}
