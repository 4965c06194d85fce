//! The tree against the reference vectors of Certificate Transparency, and both ways against two other libraries.
#![expect(
    clippy::unwrap_used,
    reason = "tests, but clippy counts only `#[test]` functions as such"
)]

use std::convert::Infallible;
use std::ops::Range;
use std::sync::LazyLock;

use blotter::domain::id::Hash;
use blotter::store::hash::sha256;
use blotter::store::merkle::{
    Frontier, Nodes, ProveError, VerifyError, consistency_proof, empty_root, inclusion_proof, leaf_hash,
    verify_consistency, verify_inclusion,
};
use blotter::store::note::key::{Algorithm, VerifierKey};
use blotter::store::note::proof::TlogProof;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use proptest::prelude::{any, prop_oneof};
use proptest::sample::Index;
use proptest::strategy::{Just, Strategy};
use proptest::{prop_assert, proptest};
use sha2::Sha256;

/// A log's tree in memory, kept as a store would keep it.
#[derive(Default)]
struct Tree {
    frontier: Frontier,
    rows: Vec<Vec<Hash>>,
    /// The root at each size.
    roots: Vec<Hash>,
}

impl Tree {
    fn of(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self {
            roots: vec![empty_root()],
            ..Self::default()
        };
        for leaf in leaves {
            tree.put(0, tree.frontier.size(), leaf);
            for tile in tree.frontier.append(leaf) {
                tree.put(tile.row.into(), tile.place, tile.hash);
            }
            tree.roots.push(tree.frontier.root());
        }
        tree
    }

    fn put(&mut self, row: usize, place: u64, hash: Hash) {
        self.rows.resize_with(self.rows.len().max(row + 1), Vec::new);
        assert_eq!(self.rows[row].len() as u64, place, "tile roots come in order");
        self.rows[row].push(hash);
    }

    fn root(&self, size: u64) -> &Hash {
        &self.roots[usize::try_from(size).unwrap()]
    }

    fn leaf(&self, index: u64) -> &Hash {
        &self.rows[0][usize::try_from(index).unwrap()]
    }
}

impl Nodes for Tree {
    type Error = Infallible;

    fn row(&self, row: u8, places: Range<u64>) -> Result<Vec<Hash>, Infallible> {
        let range = usize::try_from(places.start).unwrap()..usize::try_from(places.end).unwrap();
        Ok(self.rows[usize::from(row)][range].to_vec())
    }
}

/// A header and a content hash for the leaf at a place.
fn entry(index: u64) -> (Vec<u8>, Hash) {
    (
        format!("header {index}").into_bytes(),
        sha256(&[b"content", &index.to_be_bytes()]),
    )
}

fn leaf(index: u64) -> Hash {
    let (header, content) = entry(index);
    leaf_hash(&header, &content)
}

/// The bytes that other libraries hash into the same leaf.
fn leaf_bytes(index: u64) -> Vec<u8> {
    let (header, content) = entry(index);
    [header.as_slice(), &content.0].concat()
}

const LARGE: u64 = 100_000;
static LARGE_TREE: LazyLock<Tree> = LazyLock::new(|| Tree::of((0..LARGE).map(leaf)));

/// Pseudo-random numbers below a bound, the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

mod reference {
    //! The eight leaves of the reference implementation's own tests (RFC 6962).

    use super::{Tree, consistency_proof, inclusion_proof, sha256};

    const LEAVES: [&[u8]; 8] = [
        &[],
        &[0x00],
        &[0x10],
        &[0x20, 0x21],
        &[0x30, 0x31],
        &[0x40, 0x41, 0x42, 0x43],
        &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
        &[
            0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
        ],
    ];
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const LEAF_1: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
    const LEAF_4: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
    const LEAVES_2_3: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
    const LEAVES_4_5: &str = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
    const LEAVES_4_7: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
    const LEAVES_6_7: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";

    fn tree() -> Tree {
        Tree::of(LEAVES.map(|bytes| sha256(&[&[0], bytes])))
    }

    #[test]
    fn roots_are_those_of_the_reference() {
        assert_eq!(
            tree().roots.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ROOTS
        );
    }

    #[test]
    fn inclusion_proofs_are_those_of_the_reference() {
        let tree = tree();
        let check = |index, size, expected: &[&str]| {
            let proof = inclusion_proof(&tree, index, size).unwrap();
            assert_eq!(
                proof.iter().map(ToString::to_string).collect::<Vec<_>>(),
                expected
            );
        };
        check(0, 1, &[]);
        check(0, 8, &[LEAF_1, LEAVES_2_3, LEAVES_4_7]);
        check(5, 8, &[LEAF_4, LEAVES_6_7, ROOTS[4]]);
        check(2, 3, &[ROOTS[2]]);
        check(1, 5, &[ROOTS[1], LEAVES_2_3, LEAF_4]);
    }

    #[test]
    fn consistency_proofs_are_those_of_the_reference() {
        let tree = tree();
        let check = |old, new, expected: &[&str]| {
            let proof = consistency_proof(&tree, old, new).unwrap();
            assert_eq!(
                proof.iter().map(ToString::to_string).collect::<Vec<_>>(),
                expected
            );
        };
        check(1, 1, &[]);
        check(1, 8, &[LEAF_1, LEAVES_2_3, LEAVES_4_7]);
        check(6, 8, &[LEAVES_4_5, LEAVES_6_7, ROOTS[4]]);
        check(2, 5, &[LEAVES_2_3, LEAF_4]);
    }
}

mod others {
    //! Their proofs under our check, ours under theirs: ct-merkle and tlog_tiles.

    use super::{
        Dice, Hash, Infallible, LARGE, LARGE_TREE, MemoryBackedTree, Sha256, Tree, consistency_proof,
        inclusion_proof, leaf, leaf_bytes, verify_consistency, verify_inclusion,
    };

    const SMALL: u64 = 70;

    type Theirs = MemoryBackedTree<Sha256, Vec<u8>>;

    fn chunks(bytes: &[u8]) -> Vec<Hash> {
        bytes.as_chunks().0.iter().copied().map(Hash).collect()
    }

    fn bytes(hashes: &[Hash]) -> Vec<u8> {
        hashes.iter().flat_map(|hash| hash.0).collect()
    }

    fn check_inclusion(ours: &Tree, theirs: &Theirs, index: u64) {
        let size = theirs.len();
        let root = theirs.root();
        assert_eq!(root.as_bytes().as_slice(), ours.root(size).0);
        let their_proof = chunks(theirs.prove_inclusion(usize::try_from(index).unwrap()).as_bytes());
        assert_eq!(
            verify_inclusion(ours.leaf(index), index, size, &their_proof, ours.root(size)),
            Ok(())
        );
        let our_proof = inclusion_proof(ours, index, size).unwrap();
        let our_proof = ct_merkle::InclusionProof::try_from_bytes(bytes(&our_proof)).unwrap();
        root.verify_inclusion(&leaf_bytes(index), index, &our_proof)
            .unwrap();
    }

    fn check_consistency(ours: &Tree, theirs: &Theirs, old: u64) {
        let new = theirs.len();
        let roots = ((old, ours.root(old)), (new, ours.root(new)));
        let their_proof = theirs.prove_consistency(usize::try_from(new - old).unwrap());
        assert_eq!(
            verify_consistency(roots.0, roots.1, &chunks(their_proof.as_bytes())),
            Ok(())
        );
        let our_proof = consistency_proof(ours, old, new).unwrap();
        let our_proof = ct_merkle::ConsistencyProof::try_from_bytes(bytes(&our_proof)).unwrap();
        let old_root = ct_merkle::RootHash::new(ours.root(old).0.into(), old);
        theirs.root().verify_consistency(&old_root, &our_proof).unwrap();
    }

    #[test]
    fn every_small_proof_agrees_with_ct_merkle() {
        let ours = Tree::of((0..SMALL).map(leaf));
        let mut theirs = Theirs::new();
        for size in 1..=SMALL {
            theirs.push(leaf_bytes(size - 1));
            for index in 0..size {
                check_inclusion(&ours, &theirs, index);
                check_consistency(&ours, &theirs, index + 1);
            }
        }
    }

    #[test]
    fn large_proofs_agree_with_ct_merkle() {
        let mut dice = Dice(7);
        let mut theirs = Theirs::new();
        for size in 1..=20_000 {
            theirs.push(leaf_bytes(size - 1));
            if dice.below(50) == 0 || size % 256 < 2 {
                check_inclusion(&LARGE_TREE, &theirs, dice.below(size));
                check_consistency(&LARGE_TREE, &theirs, 1 + dice.below(size));
            }
        }
    }

    /// What tlog_tiles stores of the same tree, made by itself.
    struct Stored(Vec<tlog_tiles::Hash>);

    impl tlog_tiles::HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            Ok(indexes
                .iter()
                .map(|&index| self.0[usize::try_from(index).unwrap()])
                .collect())
        }
    }

    fn stored(size: u64) -> Stored {
        let mut stored = Stored(Vec::new());
        for index in 0..size {
            let hashes =
                tlog_tiles::stored_hashes_for_record_hash(index, tlog_tiles::Hash(leaf(index).0), &stored);
            stored.0.extend(hashes.unwrap());
        }
        stored
    }

    fn check_tlog(ours: &Tree, theirs: &Stored, index: u64, old: u64, size: u64) {
        let to = |hashes: &[Hash]| {
            hashes
                .iter()
                .map(|hash| tlog_tiles::Hash(hash.0))
                .collect::<Vec<_>>()
        };
        let from = |hashes: &[tlog_tiles::Hash]| hashes.iter().map(|hash| Hash(hash.0)).collect::<Vec<_>>();
        let (root, old_root) = (ours.root(size), ours.root(old));
        let [their_root, their_old_root, their_leaf] =
            [root, old_root, ours.leaf(index)].map(|hash| tlog_tiles::Hash(hash.0));
        assert!(tlog_tiles::tree_hash(size, theirs).unwrap() == their_root);

        let proof = inclusion_proof(ours, index, size).unwrap();
        assert_eq!(
            proof,
            from(&tlog_tiles::prove_record(size, index, theirs).unwrap())
        );
        assert_eq!(
            verify_inclusion(ours.leaf(index), index, size, &proof, root),
            Ok(())
        );
        tlog_tiles::check_record(&to(&proof), size, their_root, index, their_leaf).unwrap();

        let proof = consistency_proof(ours, old, size).unwrap();
        assert_eq!(proof, from(&tlog_tiles::prove_tree(size, old, theirs).unwrap()));
        assert_eq!(verify_consistency((old, old_root), (size, root), &proof), Ok(()));
        tlog_tiles::check_tree(&to(&proof), size, their_root, old, their_old_root).unwrap();
    }

    #[test]
    fn every_small_proof_agrees_with_tlog_tiles() {
        let ours = Tree::of((0..SMALL).map(leaf));
        let theirs = stored(SMALL);
        for size in 1..=SMALL {
            (0..size).for_each(|index| check_tlog(&ours, &theirs, index, index + 1, size));
        }
    }

    #[test]
    fn large_proofs_agree_with_tlog_tiles() {
        let theirs = stored(LARGE);
        let mut dice = Dice(1);
        let edges = [255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_792, LARGE];
        for size in edges
            .into_iter()
            .chain((0..500).map(|_| 1 + dice.below(LARGE)))
            .collect::<Vec<_>>()
        {
            check_tlog(&LARGE_TREE, &theirs, dice.below(size), 1 + dice.below(size), size);
            check_tlog(&LARGE_TREE, &theirs, size - 1, size, size);
        }
    }

    #[test]
    fn a_frontier_is_made_again_from_what_is_stored() {
        let mut dice = Dice(3);
        for size in [0, 1, 255, 256, 65_536, LARGE]
            .into_iter()
            .chain((0..50).map(|_| dice.below(LARGE)))
        {
            let frontier: Result<_, super::ProveError<Infallible>> = super::Frontier::at(&*LARGE_TREE, size);
            assert_eq!(
                frontier.map(|frontier| frontier.root()),
                Ok(*LARGE_TREE.root(size)),
                "{size}"
            );
        }
    }
}

#[test]
fn empty_and_equal_trees_follow_the_rfc() {
    let tree = Tree::of((0..9).map(leaf));
    let check = |old, old_root, new, new_root, proof: &[Hash]| {
        verify_consistency((old, old_root), (new, new_root), proof)
    };
    let (empty, five, nine) = (tree.root(0), tree.root(5), tree.root(9));
    assert_eq!(consistency_proof(&tree, 0, 9), Ok(vec![]));
    assert_eq!(consistency_proof(&tree, 5, 5), Ok(vec![]));
    assert_eq!(
        consistency_proof(&tree, 6, 5),
        Err(ProveError::Shrunk { old: 6, new: 5 })
    );
    assert_eq!(
        inclusion_proof(&tree, 5, 5),
        Err(ProveError::NoSuchLeaf { index: 5, size: 5 })
    );
    assert_eq!(
        inclusion_proof(&tree, 0, 0),
        Err(ProveError::NoSuchLeaf { index: 0, size: 0 })
    );

    assert_eq!(check(0, empty, 0, empty, &[]), Ok(()));
    assert_eq!(check(0, empty, 9, nine, &[]), Ok(()));
    assert_eq!(check(5, five, 5, five, &[]), Ok(()));
    assert_eq!(check(0, five, 9, nine, &[]), Err(VerifyError::Root));
    assert_eq!(check(0, five, 0, five, &[]), Err(VerifyError::Root));
    assert_eq!(check(0, empty, 0, five, &[]), Err(VerifyError::Root));
    assert_eq!(check(5, five, 5, nine, &[]), Err(VerifyError::Root));
    assert_eq!(
        check(0, empty, 9, nine, &[*five]),
        Err(VerifyError::Length { found: 1 })
    );
    assert_eq!(
        check(5, five, 5, five, &[*five]),
        Err(VerifyError::Length { found: 1 })
    );
    assert_eq!(
        check(5, five, 9, nine, &[]),
        Err(VerifyError::Length { found: 0 })
    );
    assert_eq!(
        check(9, nine, 5, five, &[]),
        Err(VerifyError::Beyond { inner: 9, size: 5 })
    );
    assert_eq!(
        verify_inclusion(five, 0, 0, &[], empty),
        Err(VerifyError::Beyond { inner: 0, size: 0 })
    );
    assert_eq!(verify_inclusion(tree.leaf(0), 0, 1, &[], tree.root(1)), Ok(()));
}

/// Both files are from the first version of the format: what was proved then must verify for ever.
#[test]
fn an_old_proof_verifies_with_each_of_the_logs_keys() {
    let proof = TlogProof::parse(include_str!("../../fixtures/note/unit-7.tlog-proof")).unwrap();
    let keys: Vec<VerifierKey> = include_str!("../../fixtures/note/unit-7.vkeys")
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    assert_eq!((proof.index, proof.extra.as_slice()), (260, &b"header 260"[..]));
    assert_eq!(proof.verify(&leaf(260), &keys).unwrap().signed_by.len(), 3);
    let [log, hub, post_quantum] = &keys[..] else {
        panic!("three keys")
    };
    for key in [log, post_quantum] {
        let verified = proof.verify(&leaf(260), std::slice::from_ref(key)).unwrap();
        assert_eq!(verified.checkpoint.size(), 300);
    }
    assert_eq!(hub.algorithm(), Algorithm::Ed25519Cosignature);
    assert!(
        proof.verify(&leaf(260), std::slice::from_ref(hub)).is_err(),
        "an upstream is not the log"
    );
    assert!(proof.verify(&leaf(261), &keys).is_err());
}

#[test]
fn a_store_that_lost_hashes_is_found_out() {
    struct Lossy;
    impl Nodes for Lossy {
        type Error = Infallible;
        fn row(&self, _: u8, _: Range<u64>) -> Result<Vec<Hash>, Infallible> {
            Ok(vec![])
        }
    }
    let missing = ProveError::Missing {
        row: 0,
        place: 2,
        wanted: 2,
        found: 0,
    };
    assert_eq!(inclusion_proof(&Lossy, 0, 4), Err(missing));
}

/// Something done to a proof.
#[derive(Debug, Clone)]
enum Change {
    Flip(Index, usize),
    Drop(Index),
    Double(Index),
    Swap(Index, Index),
    Push(Hash),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), 0..256_usize).prop_map(|(at, bit)| Change::Flip(at, bit)),
        any::<Index>().prop_map(Change::Drop),
        any::<Index>().prop_map(Change::Double),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Change::Swap(a, b)),
        prop_oneof![Just([0; 32]), any::<[u8; 32]>()].prop_map(|bytes| Change::Push(Hash(bytes))),
    ]
}

fn apply(change: &Change, proof: &[Hash]) -> Vec<Hash> {
    let mut changed = proof.to_vec();
    match *change {
        Change::Push(hash) => changed.push(hash),
        _ if proof.is_empty() => {}
        Change::Flip(at, bit) => changed[at.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8),
        Change::Drop(at) => drop(changed.remove(at.index(proof.len()))),
        Change::Double(at) => changed.insert(at.index(proof.len()), proof[at.index(proof.len())]),
        Change::Swap(a, b) => changed.swap(a.index(proof.len()), b.index(proof.len())),
    }
    changed
}

proptest! {
    #[test]
    fn no_changed_proof_verifies(
        size in prop_oneof![1..300_u64, 1..LARGE],
        other in any::<Index>(),
        change in change(),
    ) {
        let tree = &*LARGE_TREE;
        let index = other.index(usize::try_from(size).unwrap()) as u64;
        let proof = inclusion_proof(tree, index, size).unwrap();
        let verify = |index, proof: &[Hash], root| verify_inclusion(&leaf(index), index, size, proof, root);
        prop_assert!(verify(index, &proof, tree.root(size)).is_ok());
        prop_assert!(verify(index, &proof, tree.root(size - 1)).is_err());
        let claims_other_place = verify_inclusion(&leaf(index), index ^ 1, size, &proof, tree.root(size));
        prop_assert!(claims_other_place.is_err());
        let changed = apply(&change, &proof);
        prop_assert!(changed == proof || verify(index, &changed, tree.root(size)).is_err());

        let old = index + 1;
        let proof = consistency_proof(tree, old, size).unwrap();
        let verify = |old_root, new_root, proof: &[Hash]| {
            verify_consistency((old, old_root), (size, new_root), proof)
        };
        prop_assert!(verify(tree.root(old), tree.root(size), &proof).is_ok());
        prop_assert!(verify(tree.root(old - 1), tree.root(size), &proof).is_err());
        prop_assert!(verify(tree.root(old), tree.root(size - 1), &proof).is_err());
        let changed = apply(&change, &proof);
        prop_assert!(changed == proof || verify(tree.root(old), tree.root(size), &changed).is_err());
    }

    #[test]
    fn no_claim_makes_the_checks_panic(
        (index, size) in any::<(u64, u64)>(),
        proof in proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..70),
    ) {
        let hash = Hash::default();
        for (index, size) in [(index, size), (index % 64, size), (size, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 63, u64::MAX)] {
            prop_assert!(verify_inclusion(&hash, index, size, &proof, &hash).is_err());
            if index != size {
                prop_assert!(verify_consistency((index, &hash), (size, &hash), &proof).is_err());
            }
        }
    }
}
