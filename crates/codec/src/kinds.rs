// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

use crate::numbered::numbered;

numbered! {
    /// Entries of the log, as in FORMATS.md.
    EntryKind: u8, "an entry of unknown kind" {
        /// a new leader's first entry
        Noop = 0,
        /// the writes of one client in one turn
        Batch = 1,
        /// who the members are from this entry on
        Configuration = 2,
        /// a batch without what it says, as a witness has it
        Stripped = 3,
    }
    /// Operations of a batch or read, as in FORMATS.md.
    OperationKind: u8, "an operation of unknown kind" {
        /// writes a key
        Put = 1,
        /// deletes keys
        DeleteRange = 2,
        /// compares, then runs one of two branches
        Txn = 3,
        /// forgets old versions
        Compact = 4,
        /// reads keys
        Range = 5,
        /// raises the store's revision
        RaiseRevision = 6,
    }
    /// Requests of a client, as in FORMATS.md.
    RequestKind: u8, "a request of unknown kind" {
        /// a batch
        Write = 1,
        /// ranges
        Read = 2,
        /// begins a watch
        Watch = 3,
        /// lets more events of a watch be sent
        WatchCredit = 4,
        /// ends a watch, or forgets a request
        Cancel = 5,
        /// how one member is
        Status = 6,
        /// who is a member, and who leads
        Members = 7,
        /// moves the leadership
        Transfer = 8,
        /// has the group's state written out
        Snapshot = 9,
        /// asks for other members
        ChangeMembers = 10,
    }
    /// What a read sees, as in FORMATS.md.
    Consistency: u8, "a read of unknown consistency" {
        /// sees all that was committed before it was asked
        Linearizable = 0,
        /// sees what the member has applied
        Serializable = 1,
        /// sees what is behind by no more than was asked
        Bounded = 2,
    }
    /// What a compare asks for, as in FORMATS.md.
    CompareResult: u8, "a compare of unknown result" {
        /// equal to the operand
        Equal = 0,
        /// greater than the operand
        Greater = 1,
        /// less than the operand
        Less = 2,
        /// not equal to the operand
        NotEqual = 3,
    }
    /// What of a key is compared, as in FORMATS.md.
    CompareTarget: u8, "a compare of unknown target" {
        /// its version
        Version = 0,
        /// its create revision
        Create = 1,
        /// its mod revision
        Mod = 2,
        /// its value
        Value = 3,
        /// its lease
        Lease = 4,
    }
    /// Events, told to the Raft core, as in FORMATS.md.
    EventKind: u16, "an event of unknown kind" {
        /// where a group stands at start
        Opened = 0,
        /// a chunk of entries waits to be accepted
        Proposals = 1,
        /// a Raft message of another member
        Message = 2,
        /// how far the log is on this member's disk
        Durable = 3,
        /// how far the log is applied
        Applied = 4,
        /// another member is, or is not, connected
        Peer = 5,
        /// reads wait to be confirmed
        Reads = 6,
        /// how sending a snapshot ended
        SnapshotSent = 7,
        /// how receiving a snapshot ended
        SnapshotInstalled = 8,
        /// how far the store holds the log
        Persisted = 9,
        /// who the members are, in what the next record of the group tells of
        Configuration = 10,
        /// somebody asks for the leadership to move
        Transfer = 11,
        /// stop the worker
        Close = 12,
        /// the first of more term runs than an array holds
        OpenedRuns = 13,
        /// the leader says that an entry is committed
        Committed = 14,
        /// how far the entries of a message went
        Sent = 15,
        /// somebody asks for other members
        Change = 16,
    }
    /// Commands of the Raft core, as in FORMATS.md.
    CommandKind: u16, "a command of unknown kind" {
        /// take the next chunk of proposals into the log
        Accept = 1,
        /// write a new leader's first entry
        Noop = 2,
        /// write a received payload into the log
        Append = 3,
        /// a received payload is not wanted
        Drop = 4,
        /// write term, vote and commit
        Persist = 5,
        /// send a Raft message
        Send = 6,
        /// entries are committed
        Commit = 7,
        /// reads are confirmed
        ServeReads = 8,
        /// until when reads may be served without asking
        Lease = 9,
        /// role, term and leader
        Role = 10,
        /// everything that waits and is not in the log fails
        Fail = 11,
        /// send a snapshot
        SnapshotSend = 12,
        /// entries may be forgotten
        Cut = 13,
        /// the log begins anew after a snapshot
        Restore = 14,
        /// the group is whole again
        Recovered = 15,
        /// a leader transfer did not come about
        TransferOver = 16,
        /// who is a member from now on
        Roster = 17,
        /// write the entry of a configuration
        Configure = 18,
        /// what became of a change of the members
        ChangeOver = 19,
    }
    /// Raft messages, as in FORMATS.md.
    MessageKind: u8, "a message of unknown kind" {
        /// would I get your vote?
        PreVote = 1,
        /// the answer
        PreVoteReply = 2,
        /// asks for a vote
        Vote = 3,
        /// the answer
        VoteReply = 4,
        /// entries, or a heartbeat
        Append = 5,
        /// the answer
        AppendReply = 6,
        /// campaign at once
        TimeoutNow = 7,
        /// how receiving a snapshot ended
        SnapshotStatus = 8,
        /// asks where the others stand, after a loss
        Recover = 9,
        /// the answer
        RecoverReply = 10,
    }
    /// Roles of a member in a group, as in FORMATS.md.
    Role: u8, "an unknown role" {
        /// follows a leader, or waits for one
        Follower = 0,
        /// asks for votes, or whether it would get them
        Candidate = 1,
        /// leads
        Leader = 2,
        /// follows and does not vote
        Learner = 3,
    }
    /// When a message is sent, as in FORMATS.md.
    SendAfter: u8, "a message to be sent at an unknown time" {
        /// at once
        Now = 0,
        /// when all that was handed over before is durable
        Durable = 1,
        /// at once, and SENT tells how far its entries came
        Told = 2,
        /// at once, beside the entries that are on their way
        Beside = 3,
    }
    /// Records between members, as in FORMATS.md.
    PeerRecordKind: u8, "a peer record of unknown kind" {
        /// a Raft message with its entries
        Raft = 1,
        /// a client's request, handed to the leader
        Forward = 2,
        /// the answer to one
        Forwarded = 3,
        /// a part of a snapshot
        Snapshot = 4,
        /// asks the leader for the read index
        ReadIndex = 5,
        /// the answer
        ReadReply = 6,
    }
    /// Records of a snapshot, as in FORMATS.md.
    SnapshotPart: u8, "a part of a snapshot of unknown kind" {
        /// where the snapshot stands
        Begin = 1,
        /// bytes of it
        Data = 2,
        /// it is whole
        End = 3,
        /// the receiver's answer
        Ack = 4,
        /// asks after a broken connection how far the receiver is
        Resume = 5,
    }
    /// What the receiver of a snapshot says, as in FORMATS.md.
    SnapshotState: u8, "an unknown state of a snapshot" {
        /// it goes on
        More = 0,
        /// the state is there
        Installed = 1,
        /// it will not be
        Failed = 2,
        /// it goes on behind the bytes that have come
        Resumed = 3,
    }
    /// What a connection is for, as in FORMATS.md.
    HelloKind: u8, "a connection of unknown kind" {
        /// submissions one way, deliveries the other
        Client = 0,
        /// a peer's heartbeats, appends and replies
        PeerFast = 1,
        /// a peer's snapshots
        PeerBulk = 2,
    }
}
