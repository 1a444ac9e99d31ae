package grade_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/grade"
)

// packed is one entry of an archive.
type packed struct {
	name string
	text string
	mode os.FileMode // type bits
	link string
}

const counterGo = "package counter\n"

func writeZip(t *testing.T, path string, entries ...packed) string {
	f, err := os.Create(path)
	require.NoError(t, err)
	w := zip.NewWriter(f)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(e.mode | 0o644)
		out, err := w.CreateHeader(h)
		require.NoError(t, err)
		_, err = io.WriteString(out, e.text+e.link)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	return path
}

func writeTar(t *testing.T, path string, entries ...packed) string {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.text)), Mode: 0o644, Typeflag: tar.TypeReg, Linkname: e.link}
		switch {
		case e.mode&os.ModeSymlink != 0:
			h.Typeflag = tar.TypeSymlink
		case e.mode&os.ModeDevice != 0:
			h.Typeflag = tar.TypeBlock
		case e.mode&os.ModeNamedPipe != 0:
			h.Typeflag = tar.TypeFifo
		case e.mode&os.ModeDir != 0:
			h.Typeflag = tar.TypeDir
		case e.link != "":
			h.Typeflag = tar.TypeLink
		}
		require.NoError(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.text)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	data := out.Bytes()
	if strings.HasSuffix(path, "gz") {
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		_, err := z.Write(data)
		require.NoError(t, err)
		require.NoError(t, z.Close())
		data = zipped.Bytes()
	}
	require.NoError(t, os.WriteFile(path, data, 0o644))
	return path
}

func TestReadSubmission(t *testing.T) {
	c := counting(t)
	dir := t.TempDir()
	test, err := os.ReadFile(filepath.Join(c.Root, "counter/counter_test.go"))
	require.NoError(t, err)
	windows := strings.ReplaceAll(string(test), "\n", "\r\n")
	entries := func(prefix string) []packed {
		return []packed{
			{name: prefix + "counter/counter.go", text: counterGo},
			{name: prefix + "counter/more.go", text: counterGo},
			{name: prefix + "counter/counter_test.go", text: windows},
			{name: prefix + "counter/solution_test.go", text: "package counter\n"},
			{name: prefix + "counter/mine_test.go", text: "package counter\n"},
			{name: prefix + "go.mod", text: "module mine\n"},
			{name: prefix + "elsewhere/e.go", text: "package e\n"},
			{name: prefix + "README.md", text: "hello"},
		}
	}
	for name, submission := range map[string]string{
		"zip":             writeZip(t, filepath.Join(dir, "a.zip"), entries("")...),
		"zip, one folder": writeZip(t, filepath.Join(dir, "b.ZIP"), append([]packed{{name: ".DS_Store"}, {name: "__MACOSX/x/._a"}}, entries("me/lab/")...)...),
		"tar":             writeTar(t, filepath.Join(dir, "c.tar"), entries("./")...),
		"tar.gz":          writeTar(t, filepath.Join(dir, "d.tar.gz"), append([]packed{{name: "me/", mode: os.ModeDir}}, entries("me/")...)...),
		"tgz":             writeTar(t, filepath.Join(dir, "e.tgz"), entries("me/")...),
	} {
		t.Run(name, func(t *testing.T) {
			s, err := grade.ReadSubmission(c, submission)
			require.NoError(t, err)
			require.Equal(t, map[string][]byte{"counter/counter.go": []byte(counterGo), "counter/more.go": []byte(counterGo)}, s.Files)
			require.Equal(t, []string{"counter/solution_test.go"}, s.EditedTests)
			require.Equal(t, []string{"go.mod"}, s.EditedOthers)
			require.Equal(t, "1 edited test ignored, 1 added test ignored, 1 other edited file ignored", s.Note())
		})
	}

	t.Run("as handed out", func(t *testing.T) {
		c := counting(t)
		require.NoError(t, os.Mkdir(filepath.Join(c.Root, "front"), 0o755))
		for name, text := range map[string]string{"Makefile": "ours:\n", "front/Makefile": "theirs:\n"} {
			require.NoError(t, os.WriteFile(filepath.Join(c.Root, name), []byte(text), 0o644))
		}
		c.Handout.Files = "front"
		for text, want := range map[string]string{"theirs:\n": "", "ours:\n": "", "mine:\n": "1 other edited file ignored"} {
			s, err := grade.ReadSubmission(c, writeZip(t, filepath.Join(t.TempDir(), "a.zip"), packed{name: "counter/counter.go", text: counterGo}, packed{name: "Makefile", text: text}))
			require.NoError(t, err)
			require.Equal(t, want, s.Note(), text)
		}
	})

	t.Run("directory", func(t *testing.T) {
		root := t.TempDir()
		for _, e := range append(entries("me/"), packed{name: "me/.git/counter/counter.go"}) {
			path := filepath.Join(root, e.name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(e.text), 0o644))
		}
		s, err := grade.ReadSubmission(c, root)
		require.NoError(t, err)
		require.Len(t, s.Files, 2)
	})
}

func TestRejectedSubmissions(t *testing.T) {
	c := counting(t)
	dir := t.TempDir()
	good := packed{name: "counter/counter.go", text: counterGo}
	many := []packed{good}
	for i := range 10_001 {
		many = append(many, packed{name: fmt.Sprintf("x/%d.txt", i)})
	}
	random := rand.NewChaCha8([32]byte{})
	large := make([]packed, 70)
	for i := range large {
		noise := make([]byte, 1<<20) // incompressible, so that it is the size that counts
		random.Read(noise)
		large[i] = packed{name: fmt.Sprintf("x/%d.bin", i), text: string(noise)}
	}
	bomb := packed{name: "x/bomb.txt", text: strings.Repeat("\x00", 40<<20)}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	empty := filepath.Join(dir, "empty")
	require.NoError(t, os.Mkdir(empty, 0o755))
	for _, test := range []struct {
		name, submission, want string
	}{
		{"missing", filepath.Join(dir, "missing.zip"), "there is no such file or directory"},
		{"no archive", write("a.rar", "Rar!"), "is neither a directory nor a .zip, .tar, .tar.gz or .tgz archive"},
		{"no zip", write("b.zip", "PK, or so"), "is not a valid zip archive"},
		{"no tar", write("b.tar", strings.Repeat("x", 2000)), "is not a valid tar archive"},
		{"no gzip", write("b.tgz", "x"), "is not a valid gzip archive"},
		{"empty directory", empty, "is empty"},
		{"empty zip", writeZip(t, filepath.Join(dir, "c.zip")), "is empty"},
		{"nothing to edit", writeZip(t, filepath.Join(dir, "d.zip"), packed{name: "elsewhere/counter.go"}), "holds none of the files that a student edits (Go files in counter, escape, behave)"},
		{"only tests", writeZip(t, filepath.Join(dir, "d2.zip"), packed{name: "counter/counter_test.go"}), "holds none of the files that a student edits (Go files in counter, escape, behave)"},
		{"zip in a zip", writeZip(t, filepath.Join(dir, "d3.zip"), packed{name: "me/note.txt"}, packed{name: "me/mine.ZIP", text: "PK"}), `(Go files in counter, escape, behave), but an archive, "me/mine.ZIP": name that one, or unpack it`},
		{"absolute in zip", writeZip(t, filepath.Join(dir, "e.zip"), good, packed{name: "/etc/passwd"}), `"/etc/passwd" is an absolute path`},
		{"drive in zip", writeZip(t, filepath.Join(dir, "e2.zip"), good, packed{name: "C:/x.go"}), `"C:/x.go" is an absolute path`},
		{"absolute in tar", writeTar(t, filepath.Join(dir, "e.tar"), good, packed{name: "/etc/passwd"}), `"/etc/passwd" is an absolute path`},
		{"out of zip", writeZip(t, filepath.Join(dir, "f.zip"), good, packed{name: "counter/../../x.go"}), `"counter/../../x.go" leads out of the submission`},
		{"out of zip, backwards", writeZip(t, filepath.Join(dir, "f2.zip"), good, packed{name: `counter\..\..\x.go`}), `leads out of the submission`},
		{"out of tar", writeTar(t, filepath.Join(dir, "f.tgz"), good, packed{name: "../x.go"}), `"../x.go" leads out of the submission`},
		{"newline", writeZip(t, filepath.Join(dir, "g.zip"), good, packed{name: "counter/a\nb.go"}), `"counter/a\nb.go" is not a valid file name`},
		{"symbolic link in zip", writeZip(t, filepath.Join(dir, "h.zip"), good, packed{name: "counter/x.go", mode: os.ModeSymlink, link: "/etc/passwd"}), `"counter/x.go" is a link or a device; only plain files are accepted`},
		{"symbolic link in tar", writeTar(t, filepath.Join(dir, "h.tar"), good, packed{name: "counter/x.go", mode: os.ModeSymlink, link: "/etc/passwd"}), `"counter/x.go" is a link or a device; only plain files are accepted`},
		{"hard link", writeTar(t, filepath.Join(dir, "i.tar"), good, packed{name: "counter/x.go", link: "/etc/passwd"}), `"counter/x.go" is a link or a device; only plain files are accepted`},
		{"device", writeTar(t, filepath.Join(dir, "j.tar"), good, packed{name: "counter/x.go", mode: os.ModeDevice}), `"counter/x.go" is a link or a device; only plain files are accepted`},
		{"named pipe", writeTar(t, filepath.Join(dir, "k.tar"), good, packed{name: "counter/x.go", mode: os.ModeNamedPipe}), `"counter/x.go" is a link or a device; only plain files are accepted`},
		{"twice", writeZip(t, filepath.Join(dir, "l.zip"), good, good), `holds "counter/counter.go" twice`},
		{"twice in disguise", writeTar(t, filepath.Join(dir, "l.tar"), good, packed{name: "./counter/counter.go"}), `holds "counter/counter.go" twice`},
		{"many files", writeZip(t, filepath.Join(dir, "m.zip"), many...), "holds more than 10000 files"},
		{"large zip", writeZip(t, filepath.Join(dir, "n.zip"), large...), "is larger than 64 MB when unpacked"},
		{"large tar", writeTar(t, filepath.Join(dir, "n.tar"), large...), "is larger than 64 MB when unpacked"},
		{"zip bomb", writeZip(t, filepath.Join(dir, "o.zip"), good, bomb), "unpacks to more than 100 times its size"},
		{"gzip bomb", writeTar(t, filepath.Join(dir, "o.tgz"), good, bomb), "unpacks to more than 100 times its size"},
		{"large file", writeTar(t, filepath.Join(dir, "p.tar"), packed{name: "counter/counter.go", text: strings.Repeat("//\n", 1<<20)}), `"counter/counter.go" is larger than 2 MB`},
		{"assembly", writeZip(t, filepath.Join(dir, "q.zip"), good, packed{name: "counter/fast_amd64.s"}), "counter/fast_amd64.s: only Go is accepted here, no assembly or C"},
		{"assembly in a folder", writeZip(t, filepath.Join(dir, "q2.zip"), packed{name: "me/counter/counter.go"}, packed{name: "me/counter/a.syso"}), "counter/a.syso: only Go is accepted here, no assembly or C"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := grade.ReadSubmission(c, test.submission)
			var rejection *grade.Rejection
			require.ErrorAs(t, err, &rejection)
			require.Contains(t, rejection.Reason, test.want)
			require.NotContains(t, rejection.Reason, "\n")
		})
	}
	// A zip that lies about its sizes is found out when it is read.
	lie := writeZip(t, filepath.Join(dir, "lie.zip"), packed{name: "counter/counter.go", text: strings.Repeat("// long\n", 1000)})
	data, err := os.ReadFile(lie)
	require.NoError(t, err)
	i := bytes.LastIndex(data, []byte("PK\x01\x02"))
	copy(data[i+24:], []byte{9, 0, 0, 0}) // uncompressed size, in the directory
	require.NoError(t, os.WriteFile(lie, data, 0o644))
	_, err = grade.ReadSubmission(c, lie)
	require.Error(t, err)

	t.Run("symbolic link in directory", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("making links needs privileges on Windows")
		}
		root := t.TempDir()
		require.NoError(t, os.Mkdir(filepath.Join(root, "counter"), 0o755))
		require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(root, "counter", "counter.go")))
		_, err := grade.ReadSubmission(c, root)
		require.EqualError(t, err, `"counter/counter.go" is a link or a device; only plain files are accepted`)
	})
}

// Whatever the bytes of an archive are, reading ends with a result or a one-line rejection.
func FuzzReadSubmission(f *testing.F) {
	c := counting(f)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	out, err := w.Create("counter/counter.go")
	require.NoError(f, err)
	_, err = io.WriteString(out, counterGo)
	require.NoError(f, err)
	require.NoError(f, w.Close())
	f.Add(b.Bytes(), "x.zip")
	f.Add([]byte("x"), "x.tgz")
	f.Add(make([]byte, 1024), "x.tar")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		kind := ".zip"
		for _, k := range []string{".tar", ".tgz"} {
			if strings.HasSuffix(name, k) {
				kind = k
			}
		}
		path := filepath.Join(t.TempDir(), "s"+kind)
		require.NoError(t, os.WriteFile(path, data, 0o644))
		s, err := grade.ReadSubmission(c, path)
		if err != nil {
			var rejection *grade.Rejection
			require.ErrorAs(t, err, &rejection)
			require.NotContains(t, err.Error(), "\n")
			return
		}
		for name := range s.Files {
			require.True(t, c.Editable(name), name)
		}
	})
}
