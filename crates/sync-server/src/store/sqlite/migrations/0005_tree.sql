-- The Merkle tree over the log's entries, node by node in the order in which they come to be. How many
-- entries it covers is noted with it: it is made from the entries, some time after they are there.

CREATE TABLE tree_nodes (
    number INTEGER PRIMARY KEY,
    hash   BLOB NOT NULL
);
