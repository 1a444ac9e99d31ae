package overlay_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/overlay"
)

// goCommand runs the go command in a module that needs nothing but the standard library.
func goCommand(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := await.Command(t, await.BuildLimit, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const module = `
-- go.mod --
module example.com/course

go 1.26
-- raft/raft.go --
// Package raft counts votes.
package raft

import (
	"errors"
	"slices"
	"strings"
)

// ErrLost is returned to those who lost.
var ErrLost = errors.New("lost")

// Raft is a node.
type Raft struct {
	Term uint64
	//lab:private
	votes tally
	names []string //lab:private
}

//lab:private
type tally map[string]bool

func (t tally) count() int { return len(t) }

// Vote counts a vote.
//
//lab:implement 2AA
func (r *Raft) Vote(name string) error {
	if r.votes == nil {
		r.votes = tally{}
	}
	if r.votes[name] {
		return ErrLost
	}
	r.votes[name] = true
	r.names = append(r.names, name)
	r.tell(strings.ToUpper(name))
	r.begin()
	return nil
}

// begin belongs to a later stage, too.
//
//lab:implement 2AB quiet
func (r *Raft) begin() { r.Term++ }

// Won is there from the beginning.
func (r *Raft) Won() bool { return r.Votes() > 1 }

// Votes returns the votes.
//
//lab:implement 2AA
func (r *Raft) Votes() int { return r.votes.count() }

// tell belongs to a later stage.
//
//lab:implement 2AB quiet
func (r *Raft) tell(name string) (int, error, []string) {
	return slices.Index(r.names, name), nil, r.names
}
-- raft/unix.go --
//go:build unix

package raft

//lab:private
func onUnix() bool { return true }
-- raft/raft_test.go --
package raft_test

import (
	"os"
	"testing"

	"example.com/course/raft"
)

func TestVote(t *testing.T) {
	r := &raft.Raft{}
	if r.Vote("a") != nil || r.Vote("a") != raft.ErrLost || r.Won() || r.Vote("b") != nil || !r.Won() {
		t.Fatal("wrong")
	}
	if os.Getenv("LABKV_LAST_STAGE") == "2AA" && r.Term != 0 {
		t.Fatal("a function of stage 2AB did something")
	}
}
`

// The derived trees are not just well-formed: they build, vet, and behave.
func TestDerivedTreesBuild(t *testing.T) {
	root := writeTree(t, txtar.Parse([]byte(module)).Files, "")
	tree := &overlay.Tree{Root: root, Dirs: []string{"raft"}, Stages: stages}
	build := func(files map[string][]byte, args ...string) (string, error) {
		arg, err := overlay.WriteOverlay(t.TempDir(), root, files)
		require.NoError(t, err)
		return goCommand(t, root, append([]string{args[0], "-overlay", arg}, args[1:]...)...)
	}

	handout, err := tree.Skeleton(none, overlay.DropPrivate)
	require.NoError(t, err)
	require.Contains(t, handout, "raft/unix.go")
	out, err := build(handout, "vet", "./...")
	require.NoError(t, err, out)
	out, err = build(handout, "test", "./...")
	require.Error(t, err)
	require.Contains(t, out, "panic: TODO(2AA): implement (*Raft).Vote")

	isolated, err := tree.Skeleton(func(stage string) bool { return stage == "2AA" }, overlay.KeepPrivate)
	require.NoError(t, err)
	out, err = build(isolated, "vet", "./...")
	require.NoError(t, err, out)
	out, err = build(isolated, "test", "./...")
	require.NoError(t, err, out)

	// One build has the tree as it is after each stage.
	staged, err := tree.Staged()
	require.NoError(t, err)
	out, err = build(staged, "vet", "./...")
	require.NoError(t, err, out)
	for last, want := range map[string]string{
		"":     "ok ",
		"2AA":  "ok ", // what stage 2AB adds does nothing yet
		"none": "panic: TODO(2AA): implement (*Raft).Vote",
		"2XY":  overlay.StagesVariable + "=2XY: there is no such stage",
	} {
		t.Setenv(overlay.StagesVariable, last)
		out, err = build(staged, "test", "./...")
		require.Equal(t, want == "ok ", err == nil, out)
		require.Contains(t, out, want)
	}

	// Errors of the compiler point at the tree, and a new file is one of the package.
	wrong := map[string][]byte{"raft/new.go": []byte("package raft\n\nvar x undeclared\n")}
	out, err = build(wrong, "build", "./...")
	require.Error(t, err)
	require.Contains(t, out, filepath.Join("raft", "new.go")+":3:7: undefined: undeclared")

	entries, err := os.ReadDir(filepath.Join(root, "raft"))
	require.NoError(t, err)
	require.Len(t, entries, 3, "the tree is not touched")
}

func TestWriteOverlayMistakes(t *testing.T) {
	_, err := overlay.WriteOverlay(t.TempDir(), t.TempDir(), map[string][]byte{"../x.go": nil})
	require.EqualError(t, err, "write build overlay: ../x.go is not a path below the root")
	_, err = overlay.WriteOverlay(filepath.Join(t.TempDir(), "missing"), t.TempDir(), nil)
	require.ErrorContains(t, err, "write build overlay: ")
}
