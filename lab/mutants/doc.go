// Package mutants reads the catalog of wrong solutions below lab/mutants, and
// builds all of them into one program.
//
// A mutant is a mistake that a student could really make, as a small Go file
// that replaces functions of the reference solution. Its purpose is to test the
// graded tests: a mutant that passes them shows what they do not look at. The
// format of the files is described in README.md beside this one.
//
// Compiling and linking takes longer than running, so mutants are not built one
// by one. In [Overlay]'s result each mutated function F of a package exists
// several times: as F_original with the right body, and with each wrong body
// under a name made from the mutant's. F itself only calls one of them, chosen
// by a package variable that is set once, before any other code of the package
// runs, from the environment variable [Variable]. Without it every function is
// the original.
//
//	all, err := mutants.Load(root, stages)
//	…
//	files, err := mutants.Overlay(root, all)
//	…
//	arg, err := overlay.WriteOverlay(scratch, root, files)
//	…
//	go test -c -overlay arg -o raft.test ./raft
//	LABKV_MUTANT=2aa/vote-twice ./raft.test
//
// Positions in stack traces and compiler messages refer to the mutant's own file, and
// to the original file, as they are in the tree. A mutant's functions
// are recognized by their names: (*Raft).Step_2aa_vote_twice.
package mutants
