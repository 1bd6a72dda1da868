//! A received snapshot takes the place of a group's store. The new store is built and opened beside the one at work, on a thread
//! that nothing else waits for; only when all of it is known to be good does the apply thread swap the two, between two entries.
//! What is no good, or no longer news, leaves the member as it was.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{channel, Receiver};
use std::sync::Arc;
use std::time::Instant;

use rafterdb_codec::{Code, RequestKind};
use rafterdb_store::{Mark, PreparedStore};

use crate::askers::answers::Answers;
use crate::askers::deliveries::Deliveries;
use crate::ground::error::PlaneError;
use crate::ground::failure::Failure;
use crate::health::stalls::{Stalls, Work};
use crate::queues::apply_queue::ApplyQueue;
use crate::serve::serving::Serving;
use crate::snapshots::own_store::OwnStore;
use crate::snapshots::under_way::{Incoming, Received, Snapshots};
use crate::state::core_inbox::{CoreInbox, Happening};
use crate::state::group::{Group, StoreMachine};
use crate::state::groups::Groups;
use crate::state::membership::{note_members, Membership};
use crate::state::stores::Stores;
use crate::system::disk_space::check_space;
use crate::system::priority::give_way;

/// A store that is ready to take the place of a group's. What goes away must be closed before its files go.
struct Ready {
    machine: Arc<StoreMachine>,
    store: PreparedStore,
}

/// How the apply thread answers.
enum Swapped {
    /// The store that was in its place.
    Done(Arc<StoreMachine>),
    /// The group has come further meanwhile.
    NotNeeded(Ready),
    /// The member stops.
    Failed(PlaneError),
}

/// What the installing thread works with.
pub struct SnapshotInstaller {
    /// Those under way.
    pub snapshots: Arc<Snapshots>,
    /// Whose state they are.
    pub groups: Arc<Groups>,
    /// How a store is opened.
    pub stores: Arc<Stores>,
    /// Who swaps the stores, between two entries.
    pub apply: Arc<ApplyQueue>,
    /// Who is told how it ended.
    pub inbox: Arc<CoreInbox>,
    /// Reads that waited for it.
    pub serving: Arc<Serving>,
    /// Who is told who the members are.
    pub membership: Arc<Membership>,
    /// The way of answers.
    pub answers: Arc<Answers>,
    /// How long it takes.
    pub stalls: Arc<Stalls>,
    /// What ends the member.
    pub failure: Arc<Failure>,
}

/// The installing thread's body.
pub fn install(room: &Arc<SnapshotInstaller>, received: &Receiver<Received>) {
    while let Ok(snapshot) = received.recv() {
        let Received {
            peer, group, id, mark, ..
        } = snapshot;
        let under_way = room.stalls.begin(Work::Install, Instant::now());
        let result = put_in_place(room, &snapshot);
        drop(under_way);
        if result.is_err() {
            room.inbox.push(Happening::SnapshotInstalled {
                group,
                ok: false,
                index: mark.index,
                term: mark.term,
                from: peer,
                configuration: None,
            });
        }
        room.snapshots.tell(Incoming::Ended {
            peer,
            group,
            id,
            result,
        });
    }
}

/// Builds, checks and swaps. `Err`: everything is as it was, or the member has stopped. When the swap was done the core was told.
fn put_in_place(room: &Arc<SnapshotInstaller>, snapshot: &Received) -> Result<(), PlaneError> {
    let group = room.groups.get(snapshot.group);
    check_mark(group, snapshot.mark)?;
    // It is of no use to the members' state whatever goes wrong here, so not even a broken invariant stops the member.
    let ready = catch_unwind(AssertUnwindSafe(|| make_ready(room, group, snapshot)))
        .unwrap_or_else(|_| Err(damaged("reading it met a bug in rafterdb; please report it")))?;
    room.snapshots.step()?;
    let (reply, answer) = channel();
    let (peer, mark) = (snapshot.peer, ready.store.mark());
    let owner = room.clone();
    let task = move |group: &Arc<Group>| {
        // The installing thread waits for this answer.
        let _ = reply.send(swap(&owner, group, peer, mark, ready));
    };
    room.apply.run(group.id, Box::new(task));
    let old = match answer.recv() {
        Ok(Swapped::Done(old)) => old,
        Ok(Swapped::NotNeeded(ready)) => {
            drop(ready);
            return Err(not_newer());
        }
        Ok(Swapped::Failed(error)) => return Err(error),
        Err(_) => return Err(closes()),
    };
    room.snapshots.steps.fetch_add(1, Ordering::Relaxed);
    // Here, since it waits for what the old store's threads are at. What it fails with does not matter any more.
    let _ = old.engine().close(None);
    old.engine().retire();
    Ok(())
}

/// Builds the new store and opens it.
fn make_ready(room: &SnapshotInstaller, group: &Group, snapshot: &Received) -> Result<Ready, PlaneError> {
    reach("member.snapshot.install")?;
    let file = File::open(&snapshot.path).map_err(|e| PlaneError::io("read a received snapshot", &e))?;
    let source = LookedAfter {
        file,
        path: &snapshot.path,
        snapshots: &room.snapshots,
    };
    let own = OwnStore {
        snapshots: &room.snapshots,
        apply: &room.apply,
        group: snapshot.group,
        offered: snapshot.base,
        path: &snapshot.path,
    };
    let store = build(&group.home.dir, source, own)?;
    room.snapshots.step()?;
    let mark = store.mark();
    if (mark.index, mark.term) != (snapshot.mark.index, snapshot.mark.term) {
        return Err(damaged("it stands elsewhere than it was announced to"));
    }
    if mark.revision < group.machine().revision() {
        return Err(damaged(
            "it has a later entry than this member, and an earlier revision",
        ));
    }
    let (engine, marked) = store.open(room.stores.options())?;
    let machine = Stores::machine_of(engine, marked, &group.home)?;
    reach("member.snapshot.checked")?;
    Ok(Ready { machine, store })
}

/// Builds the new store on a thread that gives way to those that somebody waits for. Not on the installing thread itself: what that starts
/// when it opens the store inherits its place, and would keep it.
fn build(directory: &Path, source: LookedAfter<'_>, mut own: OwnStore<'_>) -> Result<PreparedStore, PlaneError> {
    std::thread::scope(|scope| {
        let building = rafterdb_fault::point("thread.start").and_then(|()| {
            std::thread::Builder::new()
                .name("rafterdb-build".to_owned())
                .spawn_scoped(scope, move || {
                    give_way();
                    PreparedStore::build_on(directory, &mut BufReader::new(source), &mut own)
                })
        });
        let thread = building.map_err(|e| PlaneError::io("start a thread that installs a snapshot", &e))?;
        let built = thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        built.map_err(PlaneError::from)
    })
}

/// Whether what a snapshot says of its place in the log can be so, from what this member knows.
fn check_mark(group: &Group, mark: Mark) -> Result<(), PlaneError> {
    if mark.index <= group.applied.load(Ordering::Acquire) {
        return Err(not_newer());
    }
    let term = group.term.load(Ordering::Acquire);
    // Who has heard of no term cannot judge. Others hear of it from the leader, and get the snapshot again.
    if term > 0 && mark.term > term {
        return Err(damaged(&format!(
            "it is of term {}, and this member has heard of {term}",
            mark.term
        )));
    }
    if mark.term < group.machine().status().mark.term {
        return Err(damaged("it has a later entry than this member, of an earlier term"));
    }
    Ok(())
}

/// Puts the new store in place of the old, on the apply thread, and answers what waited for entries that it holds.
fn swap(room: &SnapshotInstaller, group: &Arc<Group>, peer: u64, mark: Mark, ready: Ready) -> Swapped {
    if group.applied.load(Ordering::Acquire) >= mark.index {
        // The core would cut the log up to it, and the store on disk may be behind it.
        return Swapped::NotNeeded(ready);
    }
    let Ready { machine, store } = ready;
    let switched = store.switch().map_err(PlaneError::from);
    if let Err(error) = switched.and_then(|_| reach("member.snapshot.installed")) {
        // Which of the two the next start finds is not known, so that nothing more may be written.
        room.failure.fail(PlaneError::new(
            error.code,
            format!("a snapshot could not be installed: {}", error.text),
        ));
        return Swapped::Failed(error);
    }
    let configuration = machine.status().configuration;
    let old = group.replace_machine(machine);
    group.applied.store(mark.index, Ordering::Release);
    answer_passed(room, group, mark.index);
    room.inbox.push(Happening::SnapshotInstalled {
        group: group.id,
        ok: true,
        index: mark.index,
        term: mark.term,
        from: peer,
        configuration,
    });
    // Only now: the core must hear of the new store before it hears what that store holds.
    room.stores.observe(group);
    old.end_watches();
    room.serving.serve_applied(group, mark.index);
    if let Err(error) = note_members(&room.membership, group.id, &group.machine()) {
        room.failure.fail(error);
    }
    Swapped::Done(old)
}

/// Answers who waits for an entry that the new store holds, or that was cut for it: whether the write was done is known to the
/// session that it belongs to, which its client asks by sending the write again as a retry.
fn answer_passed(room: &SnapshotInstaller, group: &Group, index: u64) {
    let mut out = Deliveries::default();
    for waiter in group.take_waiters_to(index) {
        let text = "this member took over the leader's state";
        out.fail(&waiter, RequestKind::Write, Code::LeaderLost, 0, text);
    }
    room.answers.deliver_all(&mut out);
}

/// A fault point between two steps.
fn reach(name: &str) -> Result<(), PlaneError> {
    rafterdb_fault::point(name).map_err(|e| PlaneError::io(name, &e))
}

fn closes() -> PlaneError {
    PlaneError::new(Code::Closed, "the member closes")
}

fn damaged(what: &str) -> PlaneError {
    PlaneError::new(Code::StoreCorrupt, what)
}

fn not_newer() -> PlaneError {
    PlaneError::new(Code::InvalidArgument, "this member has come further meanwhile")
}

/// Bytes of a file that are read at a time: what they become takes more room on the disk, which is looked at as often.
const READ_BYTES_MAX: usize = 256 << 10;

/// A received file, read with an eye on the disk's room and on whether the member closes.
struct LookedAfter<'a> {
    file: File,
    path: &'a Path,
    snapshots: &'a Snapshots,
}

impl Read for LookedAfter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.snapshots
            .step()
            .and_then(|()| check_space(self.path))
            .map_err(|error| io::Error::other(error.text))?;
        let bytes = buffer.len().min(READ_BYTES_MAX);
        self.file.read(&mut buffer[..bytes])
    }
}
