/// MongoDB's privilege actions, sorted by what they let a user do. The read lists are allow-lists:
/// an action that is on none of these lists is never proof of anything.
///
/// Source: the server's privilege actions and built-in roles, releases 4.4 to 8.3.
package enum PrivilegeActions {
    /// On databases and collections: what the built-in role `read` holds in any release, and the
    /// statistics of indexes. `killCursors` ends only the user's own cursors;
    /// `performRawDataOperations` (from 8.2) names the buckets of time series, and writing them
    /// still needs `insert`, `update` or `remove`.
    package static let reading: Set<String> = [
        "changeStream", "collStats", "dbHash", "dbStats", "find", "indexStats", "killCursors", "listCollections",
        "listIndexes", "listSearchIndexes", "performRawDataOperations", "planCacheRead",
    ]

    /// On the cluster resource: what `readAnyDatabase` holds.
    package static let readingCluster: Set<String> = ["listDatabases"]

    /// Actions known to change data, schema, users or the server. Only there to tell "can write"
    /// from "can't be judged"; both are no proof.
    package static let writing: Set<String> = [
        "addShard", "analyze", "anyAction", "appendOplogNote", "applicationMessage", "applyOps", "auditConfigure",
        "authSchemaUpgrade", "bypassDocumentValidation", "bypassWriteBlockingMode", "changeCustomData",
        "changeOwnCustomData", "changeOwnPassword", "changePassword", "cleanupOrphaned",
        "cleanupStructuredEncryptionData", "clearJumboFlag", "collMod", "compact", "compactStructuredEncryptionData",
        "configureQueryAnalyzer", "connPoolSync", "convertToCapped", "createCollection", "createDatabase",
        "createIndex", "createRole", "createSearchIndexes", "createUser", "dbCheck", "dropCollection",
        "dropConnections", "dropDatabase", "dropIndex", "dropRole", "dropSearchIndex", "dropUser", "enableProfiler",
        "enableSharding", "exportCollection", "flushRouterConfig", "forceUUID", "fsync", "grantRole",
        "importCollection", "impersonate", "insert", "internal", "invalidateUserCache", "issueDirectShardOperations",
        "killAnyCursor", "killAnySession", "killop", "logRotate", "moveChunk", "moveCollection", "oidReset",
        "planCacheIndexFilter", "planCacheWrite", "querySettings", "reIndex", "refineCollectionShardKey", "remove",
        "removeShard", "renameCollection", "renameCollectionSameDB", "replSetConfigure", "replSetResizeOplog",
        "replSetStateChange", "reshardCollection", "restartCollection", "resync", "revokeRole", "rotateCertificates",
        "runTenantMigration", "setAuthenticationRestriction", "setChangeStreamState", "setClusterParameter",
        "setDefaultRWConcern", "setFeatureCompatibilityVersion", "setParameter", "setUserWriteBlockMode", "shutdown",
        "splitChunk", "splitVector", "storageDetails", "touch", "trafficRecord",
        "transitionFromDedicatedConfigServer", "transitionToDedicatedConfigServer", "unlock", "update",
        "updateRole", "updateSearchIndex", "updateUser", "validate",
    ]
}
