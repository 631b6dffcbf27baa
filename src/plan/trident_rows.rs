//! Trident's own tests of sharing, row by row, as decisions of ours.
//!
//! Each row restates one of NetApp Trident's test cases (`frontend/csi/controller_helpers/kubernetes/helper_test.go` and
//! `plugin_test.go`, `core/orchestrator_core_test.go`, `core/concurrent_core_test.go`) as given, when, then. Where ours differs
//! the test's name or its message says so. In short, ours differs in this:
//!
//! | rows | Trident | here |
//! |---|---|---|
//! | M10 | an empty list matches an empty namespace | nothing matches nothing |
//! | P02 | an empty `shareFromPVC` gives an ordinary volume | it is malformed: never an empty volume for a typo |
//! | P13, P14, P16, P17 | clone annotations are followed | refused until clones are served |
//! | R03, R04 | a reference without names is an error in an index | it has no effect |
//! | R08 | two references for one source refuse the claim | duplicates are harmless |
//! | A04 | an unmanaged import cannot be shared | a volume that is not ours cannot, whoever made it |
//! | D04, D28 | a failed clean-up is logged | the object stays, and every look plans it again |
//! | D11, D24 | snapshots keep a deleted volume | snapshots outlive their volume and do not pin it |
//! | D17, D27 | without its backend the record is dropped | the object waits for the backend |
//! | D36 | a delete that a crash interrupted is replayed before members are linked | it is decided again, members and all |
//!
//! Rows that do not apply, and why:
//!
//! | rows | reason |
//! |---|---|
//! | P12, P15 | resolving a clone that nobody asked for is not a thing that can be done here |
//! | P21, A14, A26 | there are no mirrors |
//! | P22 | no migration toolkit is waited for |
//! | R01, R05, R09, R10 | references are typed and looked up in a map that cannot fail |
//! | R11 to R16 | references carry no finalizer of ours |
//! | R17 to R20 | about generated files and tools: `api::crds` and `tests/repo` |
//! | A17, A37, D02, D05, D07, D12 to D14, D16, D18, D26, D29, D30 | a store that fails is nothing to decide about: `execute::tests` |
//! | A39, and all of autogrow | there is no autogrow |
//! | D19, D32 to D35 | a copy does not hang on its source once it is made |
//! | D20 | a backend's own end is decided in `plan::root` and its controller |
//! | D22, D23 | absent is success, which every backend promises in the conformance suite |
//! | LUKS, SMB, block | NFS file systems only |

mod adding;
mod annotations;
mod deleting;
