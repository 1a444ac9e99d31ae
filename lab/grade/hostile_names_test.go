//go:build unix

package grade_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

// Names, archives and directories of all kinds cost at most their own row, and what is odd
// and harmless costs nothing.
func TestHostileNames(t *testing.T) {
	needsLinux(t)
	c := counting(t)
	dir := t.TempDir()
	data, err := os.ReadFile(filepath.Join(c.Root, "counter/counter.go"))
	require.NoError(t, err)
	good := packed{name: "counter/counter.go", text: string(data)}
	var attacks []attack
	refused := func(class, name, submission, rejected string) {
		attacks = append(attacks, attack{class: class, name: name, submission: submission, rejected: rejected})
	}
	honest := func(class, name, submission, note string) {
		attacks = append(attacks, attack{class: class, name: name, submission: submission, note: note, found: `^$`, score: "7.5"})
	}
	wrong := func(class, name, submission, note, found string) {
		attacks = append(attacks, attack{class: class, name: name, submission: submission, note: note, found: found})
	}
	path := func(name string) string { return filepath.Join(dir, name) }
	zipped := func(name string, entries ...packed) string { return writeZip(t, path(name), entries...) }

	// Names of submissions. Of what is refused, none costs a build.
	named := func(class, what, name string) {
		refused(class, what, submit(t, c, name, []string{"package counter", "package counter; import _ \"os\""}), `imports "os"`)
	}
	named(names, "a long name", strings.Repeat("x", 250))
	named(terminals, "a name with commands for a terminal", "\x1b[2Jred\u202e\a")
	named(otherRows, "a name of several lines", "two\nfirst  10/10")
	named(otherRows, "a name like an option", "--unconfined")
	named(otherRows, "a name that is no text", "\xff\xfe")
	named(terminals, "a name with markup", "<b>|x|`y`&amp;")
	refused(names, "an empty archive", zipped("empty.zip"), `^is empty$`)
	refused(names, "an archive that goes nowhere", func() string {
		require.NoError(t, os.Symlink("nowhere", path("link.zip")))
		return path("link.zip")
	}(), `^there is no such file or directory$`)
	refused(names, "a link to itself", func() string {
		require.NoError(t, os.Symlink("self", path("self")))
		return path("self")
	}(), `^cannot be read: too many levels of symbolic links$`)
	refused(names, "a pipe as an archive", func() string {
		require.NoError(t, syscall.Mkfifo(path("pipe.tar"), 0o600))
		return path("pipe.tar")
	}(), `^is neither a directory nor an archive$`)

	// What is in them.
	with := func(name string, f func(root string) error) string {
		root := submit(t, c, name, nil)
		require.NoError(t, f(root))
		return root
	}
	refused(otherRows, "a pipe in a directory", with("pipe", func(root string) error {
		return syscall.Mkfifo(filepath.Join(root, "counter/x.go"), 0o600)
	}), `^"counter/x.go" is a link or a device; only plain files are accepted$`)
	refused(names, "links in a circle", with("circle", func(root string) error {
		return os.Symlink("..", filepath.Join(root, "counter/up"))
	}), `^"counter/up" is a link or a device; only plain files are accepted$`)
	refused(escape, "a link to another submission", with("neighbour", func(root string) error {
		return os.Symlink("../../other/counter/counter.go", filepath.Join(root, "counter/x.go"))
	}), `^"counter/x.go" is a link or a device; only plain files are accepted$`)
	refused(resources, "directories in directories", with("deep", func(root string) error {
		at := root
		for range 12 { // as deep as a path can be
			at = filepath.Join(at, strings.Repeat("d", 200))
			if err := os.Mkdir(at, 0o755); err != nil {
				return err
			}
		}
		return nil
	}), `has a name that is too long: 1000 bytes, and 200 between slashes, are accepted$`)
	if os.Geteuid() != 0 {
		refused(names, "a directory that cannot be read", with("unreadable", func(root string) error {
			t.Cleanup(func() { os.Chmod(filepath.Join(root, "closed"), 0o700) })
			return os.Mkdir(filepath.Join(root, "closed"), 0)
		}), `^cannot be read: permission denied$`)
		refused(names, "a file that cannot be read", with("closed", func(root string) error {
			return os.Chmod(filepath.Join(root, "counter/counter.go"), 0)
		}), `^cannot be read: permission denied$`)
	}
	refused(names, "a name of a file that is no text", with("bytes", func(root string) error {
		return os.WriteFile(filepath.Join(root, "counter/\xff.go"), nil, 0o600)
	}), `is not a valid file name$`)
	refused(resources, "a zip in which all files are one", overlapping(t, path("overlap.zip")), `^unpacks to more than 100 times its size$|^is larger than 64 MB`)
	refused(names, "an archive that was cut off", func() string {
		whole, err := os.ReadFile(writeTar(t, path("whole.tgz"), good, packed{name: "more.txt", text: strings.Repeat(dir, 1000)}))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path("cut.tgz"), whole[:len(whole)/2], 0o600))
		return path("cut.tgz")
	}(), `^(is not a valid tar archive|cannot be read: unexpected EOF)$`)
	refused(names, "a file that is also a directory", zipped("both.zip", good, packed{name: "counter/counter.go/", mode: os.ModeDir}, packed{name: "counter/counter.go/x.go", text: "package x\n"}, packed{name: "counter/counter.go"}), `^holds "counter/counter.go" twice$`)

	// Sources.
	source := func(name, text string) string {
		return zipped(name+".zip", packed{name: "counter/counter.go", text: text})
	}
	text := string(data)
	honest(names, "from Windows", source("windows", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")), `^$`)
	wrong(names, "with a zero byte", source("nul", text+"\x00"), `^does not build: counter/counter.go:33:1: illegal character NUL`, `illegal character NUL`)
	wrong(names, "with bytes that are no text", source("latin", text+"// \xe9\n"), `^does not build: counter/counter.go:33:4: illegal UTF-8 encoding`, `illegal UTF-8`)
	wrong(terminals, "an endless message", submit(t, c, "message", nil, packed{name: "counter/x.go", text: "package counter\n\nvar x int = " + strings.Repeat("y", 1<<20) + "\n"}), `^does not build: counter/x.go:3:13: undefined: y`, `undefined: y`)
	wrong(forNothing, "hidden by a constraint", source("hidden", "//go:build never\n\n"+text), `^does not build: `, ``)
	wrong(theBuild, "a package of another name", source("other", strings.Replace(text, "package counter", "package main", 1)), `^does not build: `, ``)
	honest(theBuild, "modules of its own, and a line of a megabyte", submit(t, c, "modules", nil,
		packed{name: "counter/line.go", text: "package counter\n\n// " + strings.Repeat("x", 1<<20) + "\n"},
		packed{name: "go.mod", text: "module example.com/counting\n\nreplace github.com/labkv/labkv => ./mine\n"},
		packed{name: "go.work", text: "use ./mine\n"},
		packed{name: "vendor/modules.txt", text: "# x\n"},
		packed{name: "vendor/fmt/fmt.go", text: "package fmt\n"},
		packed{name: "mine/lab/graded/graded.go", text: "package graded\n"},
		packed{name: ".gitattributes", text: "*.go export-ignore\n"},
		packed{name: "counter/testdata/x.go", text: "package x\n"},
		packed{name: "Makefile", text: "all:\n\trm -rf /\n"},
	), `^1 other edited file ignored$`)
	wrong(forNothing, "tests of its own", submit(t, c, "tests", []string{"c.n++", "c.n--"},
		packed{name: "counter/counter_test.go", text: "package counter_test\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nfunc TestMain(m *testing.M) {}\n\nfunc TestAdd1(t *testing.T) { os.RemoveAll(\"/\") }\n"},
	), `^1 edited test ignored, TestMain ignored$`, unearned)
	grades := meet(t, c, "TestAdd1", &grade.Runner{}, attacks)

	var all []string
	for _, row := range grades.Rows {
		require.Regexp(t, `^[A-Za-z0-9_-][A-Za-z0-9._-]{0,121}$`, row.File)
		all = append(all, strings.ToLower(row.File))
	}
	slices.Sort(all)
	require.Len(t, slices.Compact(all), len(grades.Rows))
}

// What is kept of one submission is not another's, whatever they are called: neither are
// files called the same, nor is a row taken for another's.
func TestHostileFileNames(t *testing.T) {
	c := counting(t)
	absent := t.TempDir()
	files := func(submissions ...string) (files, rows []string) {
		for i := range submissions {
			submissions[i] = filepath.Join(absent, submissions[i])
		}
		batch := grade.Batch{Course: c, Selection: choose(t, c, "TestAdd1"), Runner: &grade.Runner{}}
		grades, err := batch.Run(context.Background(), submissions)
		require.NoError(t, err)
		for _, row := range grades.Rows {
			require.Equal(t, grade.Rejected, row.Status)
			files, rows = append(files, strings.ToLower(row.File)), append(rows, row.Name)
		}
		return files, rows
	}
	victim, _ := files("M\u00f6ller")
	found, rows := files("M\u00f6ller", victim[0], strings.ToUpper(victim[0]), "M\u00fcller", "Mo\u0308ller", "m\u00f6ller", "MOLLER", "moller",
		"a (2)", "a", "a", "a.zip", "a.tar", "a (2)", "a (3)", strings.Repeat("x", 150)+"1", strings.Repeat("x", 150)+"2", "...", "..a", "a")
	require.Equal(t, victim[0], found[0])
	for _, names := range [][]string{found, rows} {
		slices.Sort(names)
		n := len(names)
		require.Len(t, slices.Compact(names), n, "%q", names)
	}
}

// overlapping writes a zip archive in which many names have the same 512 KiB of zeros.
func overlapping(t *testing.T, path string) string {
	first := writeZip(t, path, packed{name: "x/00.txt", text: strings.Repeat("\x00", 512<<10)})
	data, err := os.ReadFile(first)
	require.NoError(t, err)
	at := bytes.Index(data, []byte("PK\x01\x02"))
	end := bytes.Index(data, []byte("PK\x05\x06"))
	directory := data[at:end]
	out := bytes.Clone(data[:at])
	const copies = 100
	for i := range copies {
		out = append(out, bytes.ReplaceAll(directory, []byte("x/00.txt"), fmt.Appendf(nil, "x/%02d.txt", i))...)
	}
	tail := bytes.Clone(data[end:])
	binary.LittleEndian.PutUint16(tail[8:], copies)
	binary.LittleEndian.PutUint16(tail[10:], copies)
	binary.LittleEndian.PutUint32(tail[12:], uint32(copies*len(directory)))
	require.NoError(t, os.WriteFile(path, append(out, tail...), 0o600))
	return path
}
