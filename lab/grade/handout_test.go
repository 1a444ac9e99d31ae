package grade_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
)

// handout is the handout of this tree, which the first test that asks for it writes: to
// build it in another directory is to build all of it again.
var handout struct {
	once sync.Once
	dir  string
}

// handOut returns the directory of the handout of c, which is this tree. Tests add no
// source to it.
func handOut(t *testing.T, c *course.Course) string {
	t.Helper()
	handout.once.Do(func() {
		handout.dir = handoutDir(t, c.Root)
		_, err := grade.Handout(c, false).Write(await.Context(t, "the handout"), filepath.Join(handout.dir, "handout"))
		require.NoError(t, err)
	})
	return filepath.Join(handout.dir, "handout")
}

// handoutDir makes a directory for the handout of the tree at root: the same as the last
// time, so that what was built then is in Go's cache now, unless another process uses it.
// What a process left that was killed is removed.
func handoutDir(t *testing.T, root string) string {
	t.Helper()
	const abandoned = time.Hour
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("labkv-handout-%x", sha256.Sum256([]byte(root)))[:30])
	if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > abandoned {
		require.NoError(t, os.RemoveAll(dir))
	}
	err := os.Mkdir(dir, 0o700)
	if os.IsExist(err) {
		dir, err = os.MkdirTemp("", "labkv-handout-")
	}
	require.NoError(t, err)
	return dir
}

// in runs a command in dir and returns what it printed.
func in(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := await.Command(t, await.BuildLimit, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "PWD="+dir, "MAKEFLAGS=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

var (
	target      = regexp.MustCompile(`(?m)^([a-z0-9-]+):.*## `)
	makeCommand = regexp.MustCompile("(?m)(?:^|`|\\$ )make ([a-z][a-z0-9-]*)(?:[^a-z0-9…-]|$)")
	labCommand  = regexp.MustCompile(`go run \./cmd/lab ([a-z]+)`)
	goProgram   = regexp.MustCompile(`go run (\./[a-z/-]+)`)
	link        = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	codePath    = regexp.MustCompile("`((?:cmd|doc|kv|lab|proto|raft|scripts|tools|\\.github)/[A-Za-z0-9_./-]*[A-Za-z0-9])`")
)

// Whatever the documents of a handout tell a student to run, to open or to follow is
// there: targets, commands, files and sections.
func TestHandoutSpeaksToStudents(t *testing.T) {
	c := house(t)
	dir := handOut(t, c)

	targets := map[string]bool{}
	for _, name := range []string{"Makefile", "course.mk"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		for _, m := range target.FindAllStringSubmatch(string(text), -1) {
			targets[m[1]] = true
		}
	}
	list, err := in(t, dir, "make")
	require.NoError(t, err, list)
	for name := range targets {
		require.Contains(t, list, "  "+name+" ", "make lists it")
		out, err := in(t, dir, "make", "-n", name, "TEST=TestX1", "SEED=1", "DIR=out/x", "FOR=1s")
		require.NoError(t, err, out)
		for _, m := range goProgram.FindAllStringSubmatch(out, -1) {
			require.DirExists(t, filepath.Join(dir, m[1]), "make %s", name)
		}
	}
	workflow, err := os.ReadFile(filepath.Join(dir, ".github", "workflows", "grade.yml"))
	require.NoError(t, err)
	for _, s := range c.Stages() {
		require.True(t, targets["project"+s.ID], "no target grades stage %s", s.ID)
		require.Regexp(t, `stage: \[.*\b`+s.ID+`\b`, string(workflow), "the workflow leaves out a stage")
	}

	documents, err := filepath.Glob(filepath.Join(dir, "*.md"))
	require.NoError(t, err)
	guides, err := filepath.Glob(filepath.Join(dir, "doc", "*.md"))
	require.NoError(t, err)
	commands := map[string]bool{}
	for _, file := range append(documents, guides...) {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimPrefix(file, dir+string(filepath.Separator))
		for _, m := range makeCommand.FindAllStringSubmatch(string(text), -1) {
			assert.True(t, targets[m[1]], "%s says make %s, which handouts do not have", name, m[1])
		}
		for _, m := range labCommand.FindAllStringSubmatch(string(text), -1) {
			commands[m[1]] = true
		}
		for _, m := range goProgram.FindAllStringSubmatch(string(text), -1) {
			assert.DirExists(t, filepath.Join(dir, m[1]), name)
		}
		for _, m := range codePath.FindAllStringSubmatch(string(text), -1) {
			_, err := os.Stat(filepath.Join(dir, m[1]))
			assert.NoError(t, err, "%s speaks of %s", name, m[1])
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			requireSection(t, dir, name, m[1])
		}
	}
	require.NotEmpty(t, commands)
	out, err := in(t, dir, "go", "build", "-o", "out/", "./cmd/lab")
	require.NoError(t, err, out)
	for command := range commands {
		help, err := in(t, dir, "out/lab", command, "--help")
		require.NoError(t, err, help)
		require.Contains(t, help, "lab "+command, "the documents speak of a command that handouts do not have")
	}
	help, err := in(t, dir, "out/lab", "--help")
	require.NoError(t, err, help)
	require.NotRegexp(t, `(?m)^  (handout|grade|mutants) `, help)
}

// requireSection fails t unless a link in the document name leads to a file of the
// handout in dir and to a section of it.
func requireSection(t *testing.T, dir, name, link string) {
	t.Helper()
	file, anchor, found := strings.Cut(link, "#")
	if file == "" {
		file = path.Base(filepath.ToSlash(name))
	}
	file = filepath.Join(dir, filepath.Dir(name), filepath.FromSlash(file))
	text, err := os.ReadFile(file)
	if info, dirErr := os.Stat(file); dirErr == nil && info.IsDir() {
		return
	}
	if !assert.NoError(t, err, "%s links to %s", name, link) || !found {
		return
	}
	var anchors []string
	times := map[string]int{}
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		s := slug(m[1])
		if n := times[s]; n > 0 {
			anchors = append(anchors, fmt.Sprintf("%s-%d", s, n))
		} else {
			anchors = append(anchors, s)
		}
		times[s]++
	}
	assert.True(t, slices.Contains(anchors, anchor), "%s links to %s, and there is no such section", name, link)
}

// In a handout in which nothing is written yet, programs, tests and examples say what
// is missing, and where to read on. None shows a stack. Only examples and graded tests
// fail. (That lint has nothing to say, make lint-handout checks.)
func TestUnfinishedHandoutSaysSo(t *testing.T) {
	dir := handOut(t, house(t))
	out, err := in(t, dir, "go", "test", "./raft", "./kv/server", "./kv/storage/...", "./kv/raftstore")
	require.Error(t, err)
	for _, line := range []string{
		"not implemented: raft.New; stage 2aa, see doc/project2-raftkv.md#leader-election\n",
		"\nnot implemented: raft.NewRawNode; stage 2ac, see doc/project2-raftkv.md#rawnode\n", // an example's
		"not implemented: standalone.New; stage 1, see doc/project1-standalone-kv.md#tasks\n",
		"not implemented: raftstore.loadPeerStorage; stage 2b, see doc/project2-raftkv.md#part-b-a-fault-tolerant-store\n",
	} {
		require.Contains(t, out, line)
	}
	require.NotRegexp(t, `(?m)^panic:|^goroutine `, out)

	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("a server needs a C compiler")
	}
	out, err = in(t, dir, "go", "build", "-o", "out/", "./cmd/lab")
	require.NoError(t, err, out)
	out, err = in(t, dir, "env", "CGO_ENABLED=1", "go", "build", "-o", "out/", "./cmd/labkv-server")
	require.NoError(t, err, out)
	out, err = in(t, dir, "out/labkv-server", "--standalone", "--path", "out/kv")
	require.Error(t, err)
	require.Equal(t, "labkv-server: not implemented: standalone.New; stage 1, see doc/project1-standalone-kv.md#tasks\n", out)
	out, err = in(t, dir, "out/lab", "cluster")
	require.Error(t, err)
	require.True(t, strings.HasSuffix(out, "\nlab: not implemented: raftstore.loadPeerStorage; stage 2b, see doc/project2-raftkv.md#part-b-a-fault-tolerant-store\n"), out)
}
