package grade_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/grade"
)

// doubled declares n names, each of which is made of the one before, twice.
func doubled(first, next string, n int) string {
	var text strings.Builder
	text.WriteString(first + "\n")
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&text, next+"\n", i, i-1, i-1)
	}
	return text.String()
}

// A submission that is made to keep the compiler busy, or to fill memory or disk, costs
// only its author, and leaves nothing in the user's build cache.
func TestHostileBuilds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can confine builds")
	}
	c := counting(t)
	marker := rand.Text()
	hostile := func(name, text string) string {
		return submit(t, c, name, nil, packed{name: "counter/hostile.go", text: "package counter\n\nvar Marker = \"" + marker + "\"\n\n" + text})
	}
	var branches strings.Builder
	for i := range 70_000 {
		fmt.Fprintf(&branches, "if x == %d { x++ }\n", 7*i)
	}
	tests := []struct{ submission, note string }{
		{hostile("string", doubled(`const s0 = "0123456789abcdef0123456789abcdef"`, "const s%d = s%d + s%d", 25)+"var Long = s25\n"),
			`^does not build: the compiler needs more than 512 MiB of memory$`},
		{hostile("generic", "type pair[A, B any] struct { a A; b B }\n"+doubled("type t0 = int", "type t%d = pair[t%d, t%d]", 40)+"func Any() any { return t40{} }\n"),
			`^cannot be checked: the compiler (needs more than 512 MiB of memory|was not done after 4s of processor time)$`},
		{hostile("constant", doubled(`const s0 = "0123456789abcdef0123456789abcdef"`, "const s%d = s%d + s%d", 40)+"const Length = len(s40)\n"),
			`^cannot be checked: the compiler (needs more than 512 MiB of memory|was not done after 4s of processor time)$`},
		{hostile("branches", "func Branches(x int) int {\n"+branches.String()+"return x\n}\n"),
			`^does not build: the compiler (needs more than 512 MiB of memory|was not done after 4s of processor time)$`},
		{hostile("results", "var Results = [1 << 22]int{1<<22 - 1: 1}\n"), `^does not build: the compiler's results take more than 8 MiB$`},
		{hostile("file", "var File = [1 << 24]int{1<<24 - 1: 1}\n"), `^does not build: the compiler writes a file of more than 64 MiB$`},
		{hostile("cycle", "type T[P any] struct{ p P }\n\nfunc cycle[P any](n int, p P) {\n\tcycle(n-1, T[P]{p})\n}\n"), `^does not build: counter/hostile.go:7:12: instantiation cycle`},
	}
	submissions := []string{hostile("first", "")}
	for _, test := range tests {
		submissions = append(submissions, test.submission)
	}
	submissions = append(submissions, hostile("last", "var Last = 1\n"))

	r := &grade.Runner{Sandbox: sandbox(t, true), Seeds: seeds(1)}
	r.LimitBuilds(4*time.Second, 512<<20, 64<<20, 8<<20)
	batch := grade.Batch{Course: c, Selection: choose(t, c, "1"), Runner: r}
	requireClean(t)
	begin := time.Now().Add(-time.Second) // the file system's clock is a coarse one
	grades, err := batch.Run(context.Background(), submissions)
	require.NoError(t, err)
	for i, test := range tests {
		row := grades.Rows[1+i]
		assert.Regexp(t, test.note, row.Note, row.Name)
		if row.Report != nil {
			assert.Equal(t, "0/10", row.Report.Score().String(), row.Name)
		}
	}
	for _, i := range []int{0, len(submissions) - 1} {
		require.Empty(t, grades.Rows[i].Note)
		require.True(t, grades.Rows[i].Report.Score().Full(), grades.Rows[i].Name)
	}

	out, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	err = filepath.WalkDir(strings.TrimSpace(string(out)), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // other go commands use this cache too
		}
		if info, err := entry.Info(); err != nil || info.ModTime().Before(begin) {
			return nil
		}
		data, err := os.ReadFile(name)
		require.False(t, err == nil && bytes.Contains(data, []byte(marker)), name)
		return nil
	})
	require.NoError(t, err)
}

// What the user sets for builds of their own changes no grades.
func TestBuildSettings(t *testing.T) {
	require.Equal(t, "-trimpath -p=2 -mod=vendor", grade.HarmlessFlags("-trimpath -tags=x -p=2 -toolexec=/bin/echo '-ldflags=-s -w' -mod=vendor -modfile=other.mod -race"))

	c := counting(t)
	t.Setenv("GOFLAGS", os.Getenv("GOFLAGS")+" -tags=mine")
	t.Setenv("GOEXPERIMENT", "jsonv2")
	t.Setenv("GOCACHEPROG", filepath.Join(t.TempDir(), "missing"))
	tagged := packed{name: "counter/tagged.go", text: "//go:build mine || goexperiment.jsonv2\n\npackage counter\n\nvar x int = nil\n"}
	batch := grade.Batch{Course: c, Selection: choose(t, c, "TestAdd1"), Runner: &grade.Runner{Sandbox: sandbox(t, true), Seeds: seeds(1)}}
	grades, err := batch.Run(context.Background(), []string{submit(t, c, "tagged", nil, tagged)})
	require.NoError(t, err)
	require.Empty(t, grades.Rows[0].Note)
	require.True(t, grades.Perfect())
}

// cacheProgram runs the cache program with requests and returns its answers after the
// first.
func cacheProgram(t *testing.T, limit int, shared, own string, requests ...string) (answers []map[string]any, stderr string) {
	self := sandbox(t, true).Self
	cmd := await.Command(t, time.Minute, self[0], self[1], "cache", "-shared="+shared, "-own="+own, fmt.Sprintf("-limit=%d", limit))
	var out, problems bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(strings.Join(requests, "\n")+"\n"), &out, &problems
	_ = cmd.Run()
	decoder := json.NewDecoder(&out)
	for decoder.More() {
		var answer map[string]any
		require.NoError(t, decoder.Decode(&answer))
		answers = append(answers, answer)
	}
	require.NotEmpty(t, answers, problems.String())
	require.Equal(t, []any{"get", "put", "close"}, answers[0]["KnownCommands"])
	return answers[1:], problems.String()
}

func TestBuildCache(t *testing.T) {
	type id = [32]byte
	base := base64.StdEncoding.EncodeToString
	get := func(action string) string {
		id := sha256.Sum256([]byte(action))
		return fmt.Sprintf(`{"ID":1,"Command":"get","ActionID":%q}`, base(id[:]))
	}
	put := func(action, body string) string {
		a, o := sha256.Sum256([]byte(action)), sha256.Sum256([]byte(body))
		request := fmt.Sprintf(`{"ID":2,"Command":"put","ActionID":%q,"OutputID":%q,"BodySize":%d}`, base(a[:]), base(o[:]), len(body))
		if body == "" {
			return request + "\n"
		}
		return request + "\n\n\"" + base([]byte(body)) + "\""
	}
	shared, own := t.TempDir(), t.TempDir()
	// The user's cache, as the go command writes it.
	store := func(action string, output id, entry, body string) {
		a := sha256.Sum256([]byte(action))
		for name, text := range map[string]string{fmt.Sprintf("%x-a", a): entry, fmt.Sprintf("%x-d", output): body} {
			path := filepath.Join(shared, name[:2], name)
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o444))
		}
	}
	entry := func(action string, output id, size int) string {
		return fmt.Sprintf("v1 %x %x %20d %20d\n", sha256.Sum256([]byte(action)), output, size, 1)
	}
	store("theirs", id{1}, entry("theirs", id{1}, 5), "12345")
	store("short", id{2}, entry("short", id{2}, 5), "1234")
	store("other", id{3}, entry("theirs", id{3}, 5), "12345")
	store("newer", id{4}, strings.Replace(entry("newer", id{4}, 5), "v1", "v2", 1), "12345")
	store("negative", id{5}, entry("negative", id{5}, -1), "12345")
	before, err := os.ReadDir(shared)
	require.NoError(t, err)

	answers, stderr := cacheProgram(t, 100, shared, own,
		get("theirs"), get("short"), get("other"), get("newer"), get("negative"), get("absent"), get("mine"),
		put("mine", "abc"), put("empty", ""), get("mine"), get("empty"), `{"ID":3,"Command":"get","ActionID":"AAAA"}`, `{"ID":4,"Command":"close"}`, get("theirs"))
	require.Empty(t, stderr)
	require.Len(t, answers, 13)
	require.Equal(t, filepath.Join(shared, "01", fmt.Sprintf("%x-d", id{1})), answers[0]["DiskPath"])
	require.Equal(t, 5.0, answers[0]["Size"])
	for i := 1; i < 7; i++ {
		require.Equal(t, map[string]any{"ID": 1.0, "Miss": true}, answers[i], i)
	}
	for i, body := range map[int]string{7: "abc", 8: "", 9: "abc", 10: ""} {
		path := answers[i]["DiskPath"].(string)
		require.True(t, strings.HasPrefix(path, own), path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, body, string(data))
	}
	require.Equal(t, true, answers[11]["Miss"])
	require.Equal(t, 4.0, answers[12]["ID"])

	// Another build of the same submission finds what the first has left, and has what
	// that left of the limit.
	used := 3 + 2*len(entry("mine", id{}, 3))
	answers, stderr = cacheProgram(t, used+5, shared, own, get("mine"), put("more", "12345"), put("much", "1"))
	require.Len(t, answers, 2)
	require.Equal(t, 3.0, answers[0]["Size"])
	require.Contains(t, stderr, grade.CacheFull)
	after, err := os.ReadDir(shared)
	require.NoError(t, err)
	require.Equal(t, len(before), len(after))
}
