// Generated from crates/codec/tables.json by `npm run generate`; do not edit.

/// Error codes, the same in Rust and TypeScript.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Code {
    /// done
    Ok = 0,
    /// the call's arguments are wrong
    InvalidArgument = 1,
    /// a key needs at least one byte
    KeyEmpty = 2,
    /// the key is longer than keyBytesMax
    KeyTooLarge = 3,
    /// the value is longer than valueBytesMax
    ValueTooLarge = 4,
    /// the range ends before it starts
    RangeReversed = 5,
    /// the request is larger than requestBytesMax
    RequestTooLarge = 6,
    /// a transaction's branch writes one key twice
    DuplicateKey = 7,
    /// a transaction has more than txnOperationsMax operations
    TooManyOperations = 8,
    /// the key does not exist
    KeyNotFound = 9,
    /// the lease does not exist
    LeaseNotFound = 10,
    /// the revision has been compacted
    Compacted = 11,
    /// the revision is above the current one
    FutureRevision = 12,
    /// a queue is full; nothing was done
    Busy = 20,
    /// the group has no leader now
    NoLeader = 21,
    /// this member is not the leader; nothing was done
    NotLeader = 22,
    /// the leader was lost while the write was under way; it may or may not be committed
    LeaderLost = 23,
    /// the session is no longer known, so whether the write was done cannot be told
    SessionExpired = 24,
    /// the write was done, but its result is no longer kept
    ResultForgotten = 25,
    /// no answer in time; a write may or may not be committed
    Timeout = 26,
    /// the caller's signal aborted the call, or another took its place; a write may or may not be committed
    Aborted = 27,
    /// the store is closed
    Closed = 28,
    /// no member answers at the given endpoints
    Unreachable = 29,
    /// this member is further behind than maxStaleness allows
    Stale = 30,
    /// the watch fell behind the compacted revision
    WatchLost = 31,
    /// the member does not host that group
    GroupNotFound = 32,
    /// this member holds no read lease now, so it cannot read synchronously
    NoLease = 33,
    /// another change of the members is under way; nothing was done
    MembersChanging = 34,
    /// a member that is to vote has not caught up; nothing was done
    MemberBehind = 35,
    /// too few of the voters that there would be answer now; nothing was done
    QuorumAtRisk = 36,
    /// this member was removed from its cluster; a new one, in an empty data directory, can join
    MemberRemoved = 37,
    /// that member is a witness: it has no data, so it serves no reads and does not lead; ask another one
    MemberIsWitness = 38,
    /// that member belongs to another cluster
    ClusterMismatch = 40,
    /// the other side speaks another protocol version
    ProtocolVersion = 41,
    /// a malformed frame or request
    ProtocolError = 42,
    /// no member of that name or id
    MemberUnknown = 43,
    /// another process listens on that address
    PortInUse = 44,
    /// the address cannot be used
    AddressInvalid = 45,
    /// the other side does not know this cluster's token
    TokenMismatch = 46,
    /// another process runs under that member's name
    NameInUse = 47,
    /// another process has the data directory open
    DataDirLocked = 50,
    /// the data directory belongs to another cluster or member
    DataDirMismatch = 51,
    /// the data was written by a newer version
    FormatNewer = 52,
    /// the log is damaged
    LogCorrupt = 53,
    /// a segment of the log is missing
    LogSegmentMissing = 54,
    /// the store is damaged
    StoreCorrupt = 55,
    /// the disk is full
    DiskFull = 56,
    /// the operating system reports an input or output error
    Io = 57,
    /// an earlier write failed; the member has stopped
    Poisoned = 58,
    /// something that a data directory must hold is missing
    DataDirIncomplete = 59,
    /// the native binary of this platform is not installed
    BinaryMissing = 60,
    /// the thread of the Raft worker could not be started
    WorkerFailed = 61,
    /// the process, or the system, has no file descriptors left
    OutOfFiles = 62,
    /// the backup ends before its end
    BackupTruncated = 70,
    /// a checksum of the backup is wrong
    BackupDamaged = 71,
    /// the backup was encrypted with another key
    BackupKeyWrong = 72,
    /// a backup that another one continues is missing
    BackupChainBroken = 73,
    /// an object store refuses the keys, or what they may do
    AccessDenied = 74,
    /// a broken invariant: a bug in rafterdb
    Internal = 99,
}

impl Code {
    /// The name that programs match.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::KeyEmpty => "KEY_EMPTY",
            Self::KeyTooLarge => "KEY_TOO_LARGE",
            Self::ValueTooLarge => "VALUE_TOO_LARGE",
            Self::RangeReversed => "RANGE_REVERSED",
            Self::RequestTooLarge => "REQUEST_TOO_LARGE",
            Self::DuplicateKey => "DUPLICATE_KEY",
            Self::TooManyOperations => "TOO_MANY_OPERATIONS",
            Self::KeyNotFound => "KEY_NOT_FOUND",
            Self::LeaseNotFound => "LEASE_NOT_FOUND",
            Self::Compacted => "COMPACTED",
            Self::FutureRevision => "FUTURE_REVISION",
            Self::Busy => "BUSY",
            Self::NoLeader => "NO_LEADER",
            Self::NotLeader => "NOT_LEADER",
            Self::LeaderLost => "LEADER_LOST",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::ResultForgotten => "RESULT_FORGOTTEN",
            Self::Timeout => "TIMEOUT",
            Self::Aborted => "ABORTED",
            Self::Closed => "CLOSED",
            Self::Unreachable => "UNREACHABLE",
            Self::Stale => "STALE",
            Self::WatchLost => "WATCH_LOST",
            Self::GroupNotFound => "GROUP_NOT_FOUND",
            Self::NoLease => "NO_LEASE",
            Self::MembersChanging => "MEMBERS_CHANGING",
            Self::MemberBehind => "MEMBER_BEHIND",
            Self::QuorumAtRisk => "QUORUM_AT_RISK",
            Self::MemberRemoved => "MEMBER_REMOVED",
            Self::MemberIsWitness => "MEMBER_IS_WITNESS",
            Self::ClusterMismatch => "CLUSTER_MISMATCH",
            Self::ProtocolVersion => "PROTOCOL_VERSION",
            Self::ProtocolError => "PROTOCOL_ERROR",
            Self::MemberUnknown => "MEMBER_UNKNOWN",
            Self::PortInUse => "PORT_IN_USE",
            Self::AddressInvalid => "ADDRESS_INVALID",
            Self::TokenMismatch => "TOKEN_MISMATCH",
            Self::NameInUse => "NAME_IN_USE",
            Self::DataDirLocked => "DATA_DIR_LOCKED",
            Self::DataDirMismatch => "DATA_DIR_MISMATCH",
            Self::FormatNewer => "FORMAT_NEWER",
            Self::LogCorrupt => "LOG_CORRUPT",
            Self::LogSegmentMissing => "LOG_SEGMENT_MISSING",
            Self::StoreCorrupt => "STORE_CORRUPT",
            Self::DiskFull => "DISK_FULL",
            Self::Io => "IO",
            Self::Poisoned => "POISONED",
            Self::DataDirIncomplete => "DATA_DIR_INCOMPLETE",
            Self::BinaryMissing => "BINARY_MISSING",
            Self::WorkerFailed => "WORKER_FAILED",
            Self::OutOfFiles => "OUT_OF_FILES",
            Self::BackupTruncated => "BACKUP_TRUNCATED",
            Self::BackupDamaged => "BACKUP_DAMAGED",
            Self::BackupKeyWrong => "BACKUP_KEY_WRONG",
            Self::BackupChainBroken => "BACKUP_CHAIN_BROKEN",
            Self::AccessDenied => "ACCESS_DENIED",
            Self::Internal => "INTERNAL",
        }
    }

    /// The code of a number; `None` if there is no such code.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            0 => Self::Ok,
            1 => Self::InvalidArgument,
            2 => Self::KeyEmpty,
            3 => Self::KeyTooLarge,
            4 => Self::ValueTooLarge,
            5 => Self::RangeReversed,
            6 => Self::RequestTooLarge,
            7 => Self::DuplicateKey,
            8 => Self::TooManyOperations,
            9 => Self::KeyNotFound,
            10 => Self::LeaseNotFound,
            11 => Self::Compacted,
            12 => Self::FutureRevision,
            20 => Self::Busy,
            21 => Self::NoLeader,
            22 => Self::NotLeader,
            23 => Self::LeaderLost,
            24 => Self::SessionExpired,
            25 => Self::ResultForgotten,
            26 => Self::Timeout,
            27 => Self::Aborted,
            28 => Self::Closed,
            29 => Self::Unreachable,
            30 => Self::Stale,
            31 => Self::WatchLost,
            32 => Self::GroupNotFound,
            33 => Self::NoLease,
            34 => Self::MembersChanging,
            35 => Self::MemberBehind,
            36 => Self::QuorumAtRisk,
            37 => Self::MemberRemoved,
            38 => Self::MemberIsWitness,
            40 => Self::ClusterMismatch,
            41 => Self::ProtocolVersion,
            42 => Self::ProtocolError,
            43 => Self::MemberUnknown,
            44 => Self::PortInUse,
            45 => Self::AddressInvalid,
            46 => Self::TokenMismatch,
            47 => Self::NameInUse,
            50 => Self::DataDirLocked,
            51 => Self::DataDirMismatch,
            52 => Self::FormatNewer,
            53 => Self::LogCorrupt,
            54 => Self::LogSegmentMissing,
            55 => Self::StoreCorrupt,
            56 => Self::DiskFull,
            57 => Self::Io,
            58 => Self::Poisoned,
            59 => Self::DataDirIncomplete,
            60 => Self::BinaryMissing,
            61 => Self::WorkerFailed,
            62 => Self::OutOfFiles,
            70 => Self::BackupTruncated,
            71 => Self::BackupDamaged,
            72 => Self::BackupKeyWrong,
            73 => Self::BackupChainBroken,
            74 => Self::AccessDenied,
            99 => Self::Internal,
            _ => return None,
        })
    }
}

/// Bounds, each with its unit.
pub mod limits {
    /// bytes of a key
    pub const KEY_BYTES_MAX: usize = 65536;
    /// default limit of a value, bytes (1.5 MiB)
    pub const VALUE_BYTES_MAX: usize = 1572864;
    /// largest limit of a value, bytes: an event with the value before it fits a frame
    pub const VALUE_BYTES_LARGEST: usize = 3932160;
    /// highest priority of a member
    pub const MEMBER_PRIORITY_MAX: usize = 255;
    /// bytes of the name of whoever is behind a request
    pub const PRINCIPAL_BYTES_MAX: usize = 255;
    /// bytes of one request to a member, its header included
    pub const REQUEST_BYTES_MAX: usize = 4194304;
    /// operations of one batch, those in its transactions and their compares included
    pub const BATCH_OPERATIONS_MAX: usize = 512;
    /// operations and compares of one batch that are on ranges of keys; of a transaction's branches the one with more counts
    pub const BATCH_RANGES_MAX: usize = 128;
    /// ranges of one read request
    pub const READ_RANGES_MAX: usize = 16384;
    /// a client closes a batch at this many bytes, unless it is one operation
    pub const BATCH_BYTES_MAX: usize = 131072;
    /// operations in one part of a transaction
    pub const TXN_OPERATIONS_MAX: usize = 128;
    /// payload bytes of one append message, unless it is one entry
    pub const APPEND_BYTES_MAX: usize = 1048576;
    /// runs of terms in one append message
    pub const APPEND_RUNS_MAX: usize = 1024;
    /// configurations that a member takes of one append message; the entries from the next one on it gets again
    pub const APPEND_CONFIGURATIONS_MAX: usize = 64;
    /// appends under way to one follower
    pub const INFLIGHT_MESSAGES_MAX: usize = 64;
    /// bytes of appends under way to one follower
    pub const INFLIGHT_BYTES_MAX: usize = 16777216;
    /// bytes of proposals waiting in one group
    pub const PROPOSAL_BYTES_MAX: usize = 67108864;
    /// bytes after which a range reply stops, with MORE set
    pub const READ_REPLY_BYTES_MAX: usize = 1048576;
    /// read requests waiting in one group
    pub const READS_WAITING_MAX: usize = 65536;
    /// bytes of read requests waiting in one group
    pub const READS_WAITING_BYTES_MAX: usize = 67108864;
    /// requests handed to the leader that wait for its answer
    pub const FORWARDS_WAITING_MAX: usize = 65536;
    /// leader transfers of one group that wait
    pub const TRANSFERS_WAITING_MAX: usize = 256;
    /// messages of members that wait for the worker; more are dropped
    pub const MESSAGES_WAITING_MAX: usize = 8192;
    /// bytes of entries in them
    pub const MESSAGES_WAITING_BYTES_MAX: usize = 268435456;
    /// bytes of one frame's body
    pub const FRAME_BYTES_MAX: usize = 8388608;
    /// bytes of a snapshot sent and not acknowledged: what is sent again after a broken connection
    pub const SNAPSHOT_WINDOW_BYTES_MAX: usize = 8388608;
    /// snapshots that a member sends at a time, of all its groups; others wait their turn
    pub const SNAPSHOTS_SENT_MAX: usize = 4;
    /// of those, snapshots to one member
    pub const SNAPSHOTS_SENT_TO_ONE_MAX: usize = 2;
    /// snapshots that a member receives at a time; more are refused
    pub const SNAPSHOTS_RECEIVED_MAX: usize = 16;
    /// bytes of a Unix socket's path: what all systems take
    pub const UNIX_PATH_BYTES_MAX: usize = 103;
    /// bytes waiting to be written to one connection
    pub const SEND_QUEUE_BYTES_MAX: usize = 67108864;
    /// sessions remembered for deduplication; the least recently used goes
    pub const SESSIONS_MAX: usize = 4096;
    /// batches of one session that may be unanswered
    pub const SESSION_WINDOW_MAX: usize = 4096;
    /// a kept result larger than this is forgotten (RESULT_FORGOTTEN on a retry)
    pub const SESSION_RESULT_BYTES_MAX: usize = 4096;
    /// highest revision that a store can be raised to; half of what a number of JavaScript holds
    pub const REVISION_RAISED_MAX: usize = 4503599627370496;
    /// events sent to a watcher before it must ask for more
    pub const WATCH_CREDIT_DEFAULT: usize = 1024;
    /// watches of one member
    pub const WATCHERS_MAX: usize = 100000;
    /// groups of one member
    pub const GROUPS_MAX: usize = 4096;
    /// members of a cluster, those that learn or leave included: one of seven is replaced while all are there
    pub const MEMBERS_MAX: usize = 9;
    /// bytes of a member's name
    pub const MEMBER_NAME_BYTES_MAX: usize = 255;
    /// bytes of a member's endpoint
    pub const ENDPOINT_BYTES_MAX: usize = 320;
    /// size of the events array
    pub const EVENTS_DOUBLES_MAX: usize = 65536;
    /// size of the commands array; longer runs of commands take several exchanges
    pub const COMMANDS_DOUBLES_MAX: usize = 65536;
}
