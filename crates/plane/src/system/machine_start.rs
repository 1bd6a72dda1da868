//! Which start of the machine this is. What a process handed to the operating system outlives the process, and not the machine.

/// A text that is another one after each start of the machine; `None` where the system has none, or does not tell.
pub fn id() -> Option<String> {
    // Armed with an error it stands for a machine that was started anew: nobody knows the start that was before.
    rafterdb_fault::point("member.boot").ok()?;
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let id = text.trim();
    (!id.is_empty()).then(|| id.to_owned())
}
