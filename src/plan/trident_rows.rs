//! Trident's own tests of sharing, row by row, as decisions of ours.
//!
//! Each row restates one of NetApp Trident's test cases (`frontend/csi/controller_helpers/kubernetes/helper_test.go` and
//! `plugin_test.go`, `core/orchestrator_core_test.go`, `core/concurrent_core_test.go`, `core/concurrent_cache` and others) as given,
//! when, then. A test's name begins with its rows. Rows about what is looked up (Q) are beside the caches, in
//! `observe::index::tests`, and beside the locks. `tests/repo` checks that no row is missing. Where ours differs the test's name or
//! its message says so. In short, ours differs in this:
//!
//! | rows | Trident | here |
//! |---|---|---|
//! | M10 | an empty list matches an empty namespace | nothing matches nothing |
//! | P02 | an empty `shareFromPVC` gives an ordinary volume | it is malformed: never an empty volume for a typo |
//! | P13, P14, P16, P17 | clone annotations are followed | refused until clones are served |
//! | P20 | a class that is not there is an error | the claim is not ours: the class may be another's by the time it is made |
//! | R03, R04 | a reference without names is an error in an index | it has no effect |
//! | R08 | two references for one source refuse the claim | duplicates are harmless |
//! | A04 | an unmanaged import cannot be shared | a volume that is not ours cannot, whoever made it |
//! | Q04, Q08, Q12, Q15 | looking up what nobody knows is an error | it is nothing |
//! | D04, D28 | a failed clean-up is logged | the object stays, and every look plans it again |
//! | D11, D24 | snapshots keep a deleted volume | snapshots outlive their volume and do not pin it |
//! | D17, D27 | without its backend the record is dropped | the object waits for the backend |
//! | D20 | a backend under deletion goes with its last volume | and its trash, which an admin may want back |
//! | D36 | a delete that a crash interrupted is replayed before members are linked | it is decided again, members and all |
//!
//! Rows that do not apply, or not yet:
//!
//! | rows | reason |
//! |---|---|
//! | P12, P15 | does not apply: resolving a clone that nobody asked for is not a thing that can be done here |
//! | P21, A14, A26 | does not apply: there are no mirrors |
//! | P22 | does not apply: no migration toolkit is waited for |
//! | R01, R05, R09, R10 | does not apply: references are typed and looked up in a map that cannot fail |
//! | R11 to R16 | does not apply: references carry no finalizer of ours |
//! | R17, R18, R20 | does not apply: about generated files and tools, see `api::crds` and `tests/repo` |
//! | B06, B09 to B12 | does not apply: there are no records of publications to be brought up to date |
//! | B08, A39, Q41 to Q56, Z18 to Z35 | does not apply: there is no autogrow |
//! | A17, A37, D02, D05, D07, D12 to D14, D16, D18, D26, D30 | a store that fails: `ledger`, and `execute::tests` |
//! | Q01, Q06, Q09, Q13, D22, Z01 | does not apply: nothing is asked before the caches are filled, and absent is success |
//! | Q20 to Q22, U01 to U19 | does not apply: volumes are mounted by kubelet, and nothing is published |
//! | Z02 to Z16 | comes with the resizing of members, which is bookkeeping up to the owner's size |
//! | Z17 | comes with resizing: a volume under deletion is left as it is |
//! | D11, D24 | comes with snapshots, which will keep nothing: they outlive their volume |
//! | D23 | does not apply: there are no orphaned volumes that a backend forgot |
//! | D29 | does not apply: what is not ours is never deleted; that absent is success, `execute` shows |
//! | D19, D32 to D35 | does not apply: a copy does not hang on its source once it is made |
//! | S01 to S05 | comes with snapshots and clones; until then such claims are held |
//! | E01 to E13 | comes with a backend that exports to nodes, whose rules they are about |
//! | T01, T02 | does not apply: states are enums, and every match on them is exhaustive |
//! | T03 to T09 | does not apply: about flags of a client of a REST interface |
//! | LUKS, SMB, block | does not apply: NFS file systems only |

mod adding;
mod annotations;
mod deleting;
mod restarting;
