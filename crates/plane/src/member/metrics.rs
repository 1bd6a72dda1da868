//! All that is measured of a member: what its own rooms count, and its log, network, pool and stores. Names what the crates below
//! do not name themselves; shows nothing.

use rafterdb_metrics::{Samples, Source, Value};
use rafterdb_pool::{Pool, TIERS};
use rafterdb_store::{EngineStats, Wait};

use crate::member::life::Member;
use crate::state::group::Group;

impl Source for Member {
    fn collect(&self, into: &mut Samples) {
        self.shared.counters.collect(into);
        self.log_metrics.collect(into);
        if let Some(network) = self.network() {
            network.collect(into);
        }
        collect_pool(&self.shared.pool, into);
        for group in &*self.groups {
            collect_store(group, into);
        }
    }
}

fn collect_pool(pool: &Pool, into: &mut Samples) {
    let stats = pool.stats();
    for (bytes, tier) in TIERS.iter().zip(stats.tiers) {
        let mut of_tier = |name, value| into.labelled(name, "buffer_bytes", bytes.to_string(), value);
        of_tier("rafterdb_pool_hits_total", Value::Counter(tier.hits));
        of_tier("rafterdb_pool_misses_total", Value::Counter(tier.misses));
        of_tier("rafterdb_pool_buffers", gauge(tier.slots));
        of_tier("rafterdb_pool_used_buffers", gauge(tier.in_use));
    }
    into.counter("rafterdb_pool_retries_total", stats.retries);
    into.gauge("rafterdb_pool_held_bytes", stats.bytes as u64);
}

fn collect_store(group: &Group, into: &mut Samples) {
    let machine = group.machine();
    let EngineStats {
        memtable_bytes,
        row_cache_bytes,
        block_cache_bytes,
        history_memory_bytes,
        tables_disk_bytes,
        tables,
        history_disk_bytes,
        tables_written_bytes,
        history_written_bytes,
        history_lookups,
        history_compaction_read_bytes,
        flushes,
        ..
    } = machine.engine().stats();
    let mut of_group = |name, value| into.labelled(name, "group", group.id.to_string(), value);
    let longest = machine.longest_apply();
    let of_processor = ("rafterdb_apply_longest_processor_seconds", longest.processor);
    let waits = longest.waits.into_iter().map(|(wait, time)| (wait_name(wait), time));
    let wall = [("rafterdb_apply_longest_duration_seconds", longest.wall), of_processor];
    for (name, time) in wall.into_iter().chain(waits) {
        of_group(name, Value::Gauge(time.as_secs_f64()));
    }
    of_group("rafterdb_store_memtable_bytes", gauge(memtable_bytes));
    of_group("rafterdb_store_row_cache_bytes", gauge(row_cache_bytes));
    of_group("rafterdb_store_block_cache_bytes", gauge(block_cache_bytes));
    of_group("rafterdb_store_history_memory_bytes", gauge(history_memory_bytes));
    of_group("rafterdb_store_tables", gauge(tables));
    of_group("rafterdb_store_tables_disk_bytes", gauge(tables_disk_bytes));
    of_group("rafterdb_store_history_disk_bytes", gauge(history_disk_bytes));
    of_group(
        "rafterdb_store_tables_written_bytes_total",
        Value::Counter(tables_written_bytes),
    );
    of_group(
        "rafterdb_store_history_written_bytes_total",
        Value::Counter(history_written_bytes),
    );
    of_group("rafterdb_store_history_lookups_total", Value::Counter(history_lookups));
    of_group(
        "rafterdb_store_history_compaction_read_bytes_total",
        Value::Counter(history_compaction_read_bytes),
    );
    of_group("rafterdb_store_flushes_total", Value::Counter(flushes));
}

/// The longest time that an entry waited.
const fn wait_name(wait: Wait) -> &'static str {
    match wait {
        Wait::Flush => "rafterdb_apply_longest_flush_wait_seconds",
        Wait::History => "rafterdb_apply_longest_history_wait_seconds",
        Wait::Tables => "rafterdb_apply_longest_tables_wait_seconds",
        Wait::KeyOrder => "rafterdb_apply_longest_key_order_wait_seconds",
        Wait::DeadStretches => "rafterdb_apply_longest_dead_stretches_wait_seconds",
    }
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn gauge(value: u64) -> Value {
    Value::Gauge(value as f64)
}
