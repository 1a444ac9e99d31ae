// Package overlay derives trees from the tree: the handout that students
// start from, and trees in which only some stages are implemented.
//
// The repository holds the complete solution. Directives in doc comments say
// what of it a student writes, and this package rewrites single functions
// accordingly. It edits bytes at positions that go/parser reports, so whatever
// it does not mean to change (comments above all) stays as its author wrote it,
// and formats every file that it did change.
//
// # Directives
//
// A directive is a line comment of the form //lab:word, without a space after
// the slashes, in the doc comment of a declaration. gofmt keeps directives at
// the end of the comment, after an empty comment line:
//
//	// becomeLeader makes r the leader of its current term and appends a
//	// no-op entry (§8).
//	//
//	//lab:implement 2AA
//	func (r *Raft) becomeLeader() { … }
//
// On fields and on entries of groups, //lab:private can stand at the end of the
// line instead:
//
//	paused bool //lab:private
//
// There are three:
//
//	//lab:implement STAGE         The student writes the body of this function
//	                              or method in stage STAGE, which is one of
//	                              Tree.Stages, spelled as there.
//	//lab:implement STAGE quiet   The same; but code of earlier stages calls the
//	                              function, which must not panic.
//	//lab:private                 The declaration belongs to one solution, not
//	                              to the contract: it disappears.
//
// # What implement does
//
// Where the stage is not kept, the doc comment (with its directive) and the
// signature stay, and the body becomes one of
//
//	panic("TODO(2AA): implement (*Raft).becomeLeader")
//
// and, for the quiet form, a comment and zero results:
//
//	// TODO(2AB): implement (*Raft).campaign. It does nothing yet.
//	return false
//
// The text of the panic is that of package todo, with the name of the function as
// [Func] has it. A test whose code under test panics with it ended as "not
// implemented".
//
// Zero results are a bare return where results are named; else the literal of
// the type where its declaration in the package shows it (false, 0, "", nil,
// Ready{}); else a variable that is declared and returned.
//
// The directive needs a function with a body. An init function can only be
// quiet, because it would panic before any test has started.
//
// # What private does
//
// With [DropPrivate] these disappear, together with their doc comment and the
// comment at the end of their line:
//
//   - a function or a method;
//   - a type, and with it all of its methods;
//   - a const, var or type declaration, grouped or not; the directive on a group
//     ("const (") drops all of it;
//   - one entry of a group. An entry of a const group cannot go if a later
//     one counts with iota or repeats its expression;
//   - a field of a struct, or a method of an interface, whose type is declared
//     at package level.
//
// With [KeepPrivate] the directive does nothing. The trees for isolation need
// that: there, the functions of the stages that are kept use the private
// parts.
//
// # What follows from both
//
// Imports that are no longer used go too. The name of an import without an
// explicit one is guessed from its path (gopkg.in/yaml.v3 and
// example.com/go-yaml/v3 are both "yaml"); where no guess fits any use in the
// file, the import needs an explicit name, and the error says so. A dot import
// is refused in a file that changes, since its uses are unknown. Blank
// imports and import "C" always stay.
//
// A file of which only the package clause is left disappears, unless it has a
// package comment or a //go: directive of its own (go:build does not count).
// A directory that would lose its last file is an error.
//
// # What is refused
//
// Every mistake is one line, "file:line: what is wrong; what to do", and all
// mistakes of a tree are reported at once ([source.ErrorList]): an unknown
// word, stage or option; a directive that no declaration carries, or one that
// this kind of declaration cannot carry; the same directive twice; implement
// together with private, or on a method of a private type; "// lab:" with a
// space, which Go does not treat as a directive; and directives in test files,
// which are never rewritten.
//
// All files of a directory are read, whatever their build constraints say, so
// that what one platform builds cannot leak what another hides. Directories
// are not searched for subdirectories: each that students edit is listed.
//
// # From files to builds
//
// [Tree.Skeleton] returns changed files and writes nothing. [WriteOverlay]
// turns such a map into the argument of go build -overlay, so that a derived
// tree can be built and tested while the real one is not touched:
//
//	files, err := tree.Skeleton(func(stage string) bool { return upTo[stage] }, overlay.KeepPrivate)
//	…
//	arg, err := overlay.WriteOverlay(scratch, tree.Root, files)
//	…
//	cmd := exec.Command("go", "test", "-overlay", arg, "./raft")
//	cmd.Dir = tree.Root
//
// [Tree.Staged] returns files for programs that hold all stages and are told when they
// start which of them count: one build in place of one for each stage.
//
// [Handout] writes the tree as students receive it, as a Git repository of its
// own. [Tree.Funcs] lists what there is to implement, and what still is not.
package overlay
