//! Every fault point of rafterdb: its name and the moment it stands for.
//! A name missing here cannot be armed, and a test compares this list with the sources.

/// Name and moment of each point; add a line here with each `fault::point` in the code.
pub const POINTS: &[(&str, &str)] = &[
    ("thread.start", "before a thread is started"),
    ("wal.write", "before a batch is written to the log"),
    (
        "wal.write.half",
        "when the first half of a batch is written, and the rest not yet",
    ),
    ("wal.written", "when a batch is written, before it is synced"),
    ("wal.sync", "before the log is synced"),
    ("wal.synced", "when the log is synced, before anyone is told"),
    ("wal.segment.create", "before a new segment's file is created"),
    (
        "wal.segment.fill",
        "when a new segment's file exists, before it is filled with zeros",
    ),
    (
        "wal.segment.header",
        "before a segment's header and checkpoint are written over its file",
    ),
    (
        "wal.segment.rename",
        "when a segment is ready under its spare name, before it gets its own",
    ),
    (
        "wal.segment.created",
        "when a segment has its name, before the directory is synced",
    ),
    (
        "wal.segment.seal",
        "before the old segment is marked as having a successor",
    ),
    ("wal.cut", "before the segments that nobody needs are taken away"),
    ("wal.segment.recycle", "before a segment becomes a spare"),
    ("wal.segment.unlink", "before a segment is deleted"),
    (
        "wal.segment.gone",
        "when a segment was recycled or deleted, before the directory is synced",
    ),
    (
        "wal.recover.rewrite",
        "before the recovered end of the log is written again",
    ),
    ("member.place", "before the name of a data directory is made durable"),
    (
        "member.identity",
        "when what a member must not forget is written to a new file, before it gets its name",
    ),
    (
        "member.identified",
        "when what a member must not forget has its name, before the directory is synced",
    ),
    (
        "member.boot",
        "when a member asks which start of the machine this is; an error stands for another one than before",
    ),
    (
        "member.agree",
        "when log and stores are recovered, before the log is made to begin where a store stands",
    ),
    (
        "member.agreed",
        "when log and stores agree on disk, before the member begins to work",
    ),
    (
        "member.anew.begun",
        "when it is on disk that a cluster is to begin anew with this member, before anything of that is done",
    ),
    (
        "member.anew.applied",
        "when a group's log is applied whole, before its store says that the cluster has begun anew",
    ),
    (
        "member.anew.stored",
        "when a group's store says that the cluster has begun anew, before the log begins after it",
    ),
    (
        "member.anew.logged",
        "when the log begins where the stores of a cluster that begins anew stand, before it is on disk that this is done",
    ),
    ("member.apply", "before entries are applied to the store"),
    ("member.read", "before ranges are read from the store"),
    (
        "member.configuration",
        "when a follower is to take entries that say who the members are, before they are handed to its log",
    ),
    (
        "member.configure",
        "when a leader's core wants other members, before the entry that says so is handed to the log",
    ),
    (
        "member.configured",
        "when an entry that says who the members are is on disk, before anyone is told",
    ),
    (
        "member.joined",
        "when an applied entry says for the first time that this is a member, before that is on disk",
    ),
    (
        "member.removed",
        "when an applied entry, or another member, says that this is a member no more, before that is on disk",
    ),
    (
        "member.removed.noted",
        "when it is on disk that this is a member no more, before the member stops",
    ),
    ("member.close", "when a member's threads ended, before its last flush"),
    (
        "member.closed",
        "when a member's stores are closed, before its lock is released",
    ),
    (
        "member.recovery.whole",
        "when a member holds what it may have lost, before its mark is removed",
    ),
    (
        "member.recovery.ended",
        "when a member's mark is removed, before it votes",
    ),
    (
        "member.restore.begun",
        "when it is on disk that a restore into a directory has begun, before anything of it is there",
    ),
    (
        "member.restore.pairs",
        "before pairs of a backup are added to a store that is being restored",
    ),
    (
        "member.restore.changes",
        "before changes of a backup are made again in a store that is being restored",
    ),
    (
        "member.restore.stored",
        "when the stores of a restored directory are on disk, before its log begins after them",
    ),
    (
        "member.restore.logged",
        "when stores and log of a restored directory are on disk, before member.json says whose it is",
    ),
    (
        "member.restore.named",
        "when a restored directory is a member's, before the mark of the restore is removed",
    ),
    (
        "member.snapshot.above",
        "when the receiver of a snapshot has said up to where it has all, before what is above that is looked for",
    ),
    ("member.snapshot.send", "before a piece of a snapshot is sent"),
    (
        "member.snapshot.resume",
        "before the receiver of a snapshot is asked, over another connection, how far it is",
    ),
    (
        "member.snapshot.resumed",
        "before the sender of a snapshot is told, over another connection, how far this member is",
    ),
    (
        "member.snapshot.write",
        "before a received piece of a snapshot is written to its file",
    ),
    (
        "member.snapshot.received",
        "when a received snapshot is durable as a file, before anything is done with it",
    ),
    (
        "member.snapshot.install",
        "before the received snapshot is made a store, beside the one at work",
    ),
    (
        "member.snapshot.base",
        "before this member's store is flushed for a view that a received snapshot goes on from",
    ),
    (
        "member.snapshot.checked",
        "when the received snapshot is a store and open, before it takes the place of the one at work",
    ),
    (
        "member.snapshot.installed",
        "when the new store is in place, before the log knows of it",
    ),
    (
        "member.snapshot.restore",
        "before the log is made to begin after an installed snapshot",
    ),
    ("store.history.write", "before history is written to its file"),
    (
        "store.history.opened",
        "when a complete history file is open for a reader, before it is kept open for others",
    ),
    ("store.history.sync", "before a history file is synced"),
    ("store.history.seal", "before a full history file gets its footer"),
    (
        "store.history.cut",
        "before the recovery of the store cuts history back to what the tree holds",
    ),
    (
        "store.compact.planned",
        "when a compaction of history knows which files it drops, before it does anything about it",
    ),
    (
        "store.compact.survivors",
        "before a compaction makes the file of rows that outlive it",
    ),
    ("store.compact.rename", "before a compaction's file is synced and named"),
    (
        "store.compact.renamed",
        "when a compaction's file has its name, before the old ones go",
    ),
    ("store.compact.delete", "before a compaction deletes a file"),
    (
        "store.images.create",
        "before a flush makes the file of the rows that its changes replaced",
    ),
    (
        "store.images.rename",
        "when a flush has written what its changes replaced, before that is synced and named",
    ),
    (
        "store.images.renamed",
        "when what a flush's changes replaced has its name, before its own rows come into the tables",
    ),
    (
        "store.images.delete",
        "before a compaction deletes a file of what changes replaced",
    ),
    (
        "store.install.base",
        "before the rows that a received snapshot goes on from are read",
    ),
    (
        "store.install.spool",
        "before values of a received snapshot are put aside until its rows are written",
    ),
    (
        "store.install.switch",
        "when an installed snapshot is whole, before it becomes the store",
    ),
    (
        "store.install.switched",
        "when an installed snapshot is the store, before the old one goes",
    ),
    (
        "store.search.start",
        "before dead rows are searched for where keys were deleted",
    ),
    ("store.flush.start", "before a sealed memtable is flushed"),
    (
        "store.flush.tables",
        "when history is synced, before the memtable's rows become a table",
    ),
    (
        "store.flush.installed",
        "when the table is durable, before anyone is told",
    ),
    (
        "store.install.built",
        "when the rows of a received snapshot are durable, before it is readied to switch to",
    ),
    ("store.seal", "before a memtable gives way to the next one"),
    ("store.history.create", "before a new history file is made"),
    (
        "backup.begun",
        "when the file of a backup exists under the name of an unfinished one, before anything is in it",
    ),
    ("backup.write", "before bytes are written to the file of a backup"),
    (
        "backup.written",
        "when all bytes of a backup are written, before its file is synced",
    ),
    (
        "backup.synced",
        "when the file of a backup is on disk, before it gets its name",
    ),
    (
        "backup.named",
        "when the file of a backup has its name, before the directory is synced",
    ),
    (
        "backup.part",
        "before a part of a backup, or a small one whole, is sent to an object store",
    ),
    (
        "backup.parts",
        "when an object store has all parts of a backup, before it is told that they are one",
    ),
    (
        "backup.sent",
        "when an object store has a backup whole, before its size is looked at",
    ),
];
