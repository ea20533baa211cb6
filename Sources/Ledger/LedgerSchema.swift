import GRDB

/// The ledger's tables. A change is a new migration: whoever finds one that it does not know refuses the file.
enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: record, journal, audit, lease") { db in
            try db.execute(sql: first)
        }
        return migrator
    }

    /// Only of a ledger that has moved away, or arrives. Listed as a migration that other convoys don't know, so that
    /// those which know no moves refuse the file, too.
    static let moved = "2: moved"

    static let movedTable = """
        CREATE TABLE IF NOT EXISTS moved (id INTEGER PRIMARY KEY CHECK (id = 1), standing TEXT NOT NULL,
            ticket TEXT NOT NULL);
        """

    private static let first = """
        CREATE TABLE record (id INTEGER PRIMARY KEY CHECK (id = 1), content TEXT NOT NULL);
        CREATE TABLE audit (
            id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, verb TEXT NOT NULL, outcome TEXT NOT NULL);
        CREATE TABLE journal (
            rollout INTEGER NOT NULL, "index" INTEGER NOT NULL, at REAL NOT NULL, step TEXT NOT NULL,
            mark TEXT NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (rollout, "index")) WITHOUT ROWID;
        CREATE TABLE lease (id INTEGER PRIMARY KEY CHECK (id = 1), fence INTEGER NOT NULL, term TEXT);
        INSERT INTO lease (id, fence, term) VALUES (1, 0, NULL);
        CREATE TRIGGER fence_never_back BEFORE UPDATE ON lease WHEN NEW.fence < OLD.fence
        BEGIN SELECT RAISE(ABORT, 'a fence never counts back'); END;
        CREATE TRIGGER fence_stays BEFORE DELETE ON lease
        BEGIN SELECT RAISE(ABORT, 'a fence never counts back'); END;
        """
}
