//! What the plane asks of the operating system: CPUs, descriptors, room on a disk, a directory that it holds, which start of the
//! machine this is, which threads give way. Knows nothing of what any of it is for.

pub mod affinity;
pub mod descriptors;
pub mod disk_space;
pub mod held_directory;
pub mod machine_start;
pub mod priority;
