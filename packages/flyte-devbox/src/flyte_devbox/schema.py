"""The tables, as the list of steps that lead to them: a released step is never changed, a new one is appended."""

__all__ = ["MIGRATIONS"]

_FIRST = """
CREATE TABLE projects (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, labels BLOB NOT NULL, state INTEGER NOT NULL,
    created_at REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE task_specs (digest BLOB PRIMARY KEY, spec BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY, org TEXT NOT NULL, project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL,
    version TEXT NOT NULL, digest BLOB NOT NULL, short_name TEXT NOT NULL, environment TEXT NOT NULL,
    description TEXT NOT NULL, is_entrypoint INTEGER NOT NULL, deployed_at REAL NOT NULL,
    UNIQUE (project, domain, name, version)
);

CREATE TABLE runs (
    id INTEGER PRIMARY KEY, org TEXT NOT NULL, project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL,
    spec BLOB NOT NULL, source INTEGER NOT NULL, labels TEXT NOT NULL, is_tracked INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL, started_at REAL NOT NULL, created_at REAL NOT NULL, ended_at REAL,
    phase INTEGER NOT NULL, task_name TEXT NOT NULL, task_version TEXT NOT NULL, trigger_name TEXT NOT NULL,
    trigger_task TEXT NOT NULL, updated_at REAL NOT NULL, recover_from INTEGER,
    UNIQUE (project, domain, name)
);
CREATE INDEX runs_by_task ON runs (project, domain, task_name);

CREATE TABLE actions (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, name TEXT NOT NULL,
    parent TEXT NOT NULL, type INTEGER NOT NULL, phase INTEGER NOT NULL, attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL, system_failures INTEGER NOT NULL, attempts_before INTEGER NOT NULL,
    metadata BLOB NOT NULL, digest BLOB, detail BLOB, task_name TEXT NOT NULL, environment TEXT NOT NULL,
    queue TEXT NOT NULL, input_uri TEXT NOT NULL, run_base TEXT NOT NULL, output_uri TEXT NOT NULL,
    cache_key TEXT NOT NULL, cache_status INTEGER NOT NULL, error BLOB, abort_reason TEXT, value BLOB,
    created_at REAL NOT NULL, started_at REAL, ended_at REAL, updated_at REAL NOT NULL, depth INTEGER NOT NULL,
    asked_in INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run_id, name)
);
CREATE INDEX actions_by_parent ON actions (run_id, parent);
CREATE INDEX actions_alive ON actions (id) WHERE phase NOT IN (5, 6, 7, 8, 10);

CREATE TABLE attempts (
    action_id INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE, number INTEGER NOT NULL, phase INTEGER NOT NULL,
    started_at REAL, ended_at REAL, error BLOB, output_uri TEXT NOT NULL, transitions TEXT NOT NULL,
    worker TEXT NOT NULL, cpu_seconds REAL, max_rss_bytes INTEGER, wall_seconds REAL, event BLOB, cache_status INTEGER NOT NULL,
    PRIMARY KEY (action_id, number)
) WITHOUT ROWID;

CREATE TABLE secrets (
    project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, type INTEGER NOT NULL, is_binary INTEGER NOT NULL,
    sealed BLOB NOT NULL, created_at REAL NOT NULL, PRIMARY KEY (project, domain, name)
) WITHOUT ROWID;

CREATE TABLE triggers (
    project TEXT NOT NULL, domain TEXT NOT NULL, task_name TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
    details BLOB NOT NULL, is_active INTEGER NOT NULL, automation INTEGER NOT NULL, deployed_at REAL NOT NULL,
    updated_at REAL NOT NULL, triggered_at REAL, next_at REAL, PRIMARY KEY (project, domain, task_name, name)
) WITHOUT ROWID;

CREATE TABLE trigger_revisions (
    project TEXT NOT NULL, domain TEXT NOT NULL, task_name TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
    details BLOB NOT NULL, action INTEGER NOT NULL, created_at REAL NOT NULL,
    PRIMARY KEY (project, domain, task_name, name, revision)
) WITHOUT ROWID;

CREATE TABLE settings (
    domain TEXT NOT NULL, project TEXT NOT NULL, settings BLOB NOT NULL, version INTEGER NOT NULL, PRIMARY KEY (domain, project)
) WITHOUT ROWID;

CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY, project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
    artifact BLOB NOT NULL, partition TEXT NOT NULL, created_at REAL NOT NULL, UNIQUE (project, domain, name, version)
);
CREATE TABLE artifact_schemas (
    project TEXT NOT NULL, domain TEXT NOT NULL, name TEXT NOT NULL, schema BLOB NOT NULL, is_declared INTEGER NOT NULL,
    PRIMARY KEY (project, domain, name)
) WITHOUT ROWID;

CREATE TABLE cache (
    scope TEXT NOT NULL, key TEXT NOT NULL, output BLOB NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
CREATE TABLE reservations (
    scope TEXT NOT NULL, key TEXT NOT NULL, owner TEXT NOT NULL, expires_at REAL NOT NULL, heartbeat REAL NOT NULL,
    PRIMARY KEY (scope, key)
) WITHOUT ROWID;
"""

_CONTENTS = """
CREATE TABLE contents (
    uri TEXT PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE, content BLOB NOT NULL
);
CREATE INDEX contents_by_run ON contents (run_id);
"""

_RUNS_BY_TIME = """
CREATE INDEX runs_by_time ON runs (is_tracked, project, domain, created_at, id);
"""
"""A page of the newest runs reads no others."""

_ACTIONS_FAILED = """
CREATE INDEX actions_failed ON actions (run_id) WHERE phase IN (6, 8);
"""
"""What failed of a run is found among any number of actions."""

_FACTS_OF_ARTIFACTS = """
ALTER TABLE artifacts ADD COLUMN facts TEXT;
"""
"""What versions are selected by, as JSON; the service fills in those of earlier releases."""

_LABELS = """
CREATE TABLE run_labels (
    key TEXT NOT NULL, value TEXT NOT NULL, run_id INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    PRIMARY KEY (key, value, run_id)
) WITHOUT ROWID;
CREATE INDEX run_labels_by_run ON run_labels (run_id);
INSERT INTO run_labels (key, value, run_id)
    SELECT l.key, l.value, r.id FROM runs r, json_each(r.labels) l WHERE l.value IS NOT NULL;
"""
"""Runs that have a label are found without reading those of all others."""

_LISTINGS = """
CREATE INDEX runs_of_task ON runs (is_tracked, project, domain, task_name, created_at, id);
CREATE INDEX runs_of_trigger ON runs (is_tracked, project, domain, trigger_task, trigger_name, created_at, id);
CREATE INDEX runs_alive ON runs (id) WHERE phase NOT IN (5, 6, 7, 8, 10);
CREATE INDEX actions_by_run ON actions (run_id);
CREATE INDEX artifacts_by_time ON artifacts (project, domain, created_at, id);
CREATE INDEX artifacts_by_name ON artifacts (project, domain, name);
CREATE INDEX artifacts_without_facts ON artifacts (id) WHERE facts IS NULL;
"""
"""A page of a listing reads what is on it; what goes on is found at the start among any number of runs that are over."""

_EVENTS = """
CREATE TABLE attempt_events (
    id INTEGER PRIMARY KEY, action_id INTEGER NOT NULL REFERENCES actions (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    digest BLOB NOT NULL, event BLOB NOT NULL, UNIQUE (action_id, number, digest)
);
"""
"""What is told of attempts, one row for each thing that is told: a further one is added without reading the others."""

_LABELS_OF_NEW_RUNS = """
CREATE TRIGGER labels_of_runs AFTER INSERT ON runs BEGIN
    INSERT OR IGNORE INTO run_labels (key, value, run_id)
        SELECT l.key, l.value, NEW.id FROM json_each(NEW.labels) l WHERE l.value IS NOT NULL;
END;
INSERT OR IGNORE INTO run_labels (key, value, run_id)
    SELECT l.key, l.value, r.id FROM runs r, json_each(r.labels) l WHERE l.value IS NOT NULL;
"""
"""Whoever adds a run adds its labels."""

MIGRATIONS: tuple[str, ...] = (
    _FIRST,
    _CONTENTS,
    _RUNS_BY_TIME,
    _ACTIONS_FAILED,
    _FACTS_OF_ARTIFACTS,
    _LABELS,
    _LISTINGS,
    _EVENTS,
    _LABELS_OF_NEW_RUNS,
)
"""Step `n` leads from schema `n` to `n + 1`."""
