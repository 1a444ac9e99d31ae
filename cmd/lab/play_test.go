//go:build unix

package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlayIsRefused(t *testing.T) {
	for args, want := range map[string]string{
		"play":                              "accepts 1 arg(s), received 0",
		"play rft":                          `there is no playground of "rft"; did you mean raft?`,
		"play raft --addr 0.0.0.0:80":       "the page is for this machine only",
		"play raft --addr 127.0.0.1":        "missing port in address",
		"play raft --addr example.com:8080": "the page is for this machine only",
	} {
		code, _, stderr := lab(t, "../..", strings.Fields(args)...)
		require.Equal(t, exitUsage, code, "%s: %s", args, stderr)
		require.Contains(t, stderr, want)
	}
}

// A tree that does not build gives the compiler's lines.
func TestPlayDoesNotBuild(t *testing.T) {
	root := counting(t)
	write(t, root, "lab/play/wasm/main.go", "package main\n\nfunc main() { vote }\n")
	code, _, stderr := lab(t, root, "play", "raft", "--out", "page.html")
	require.Equal(t, exitHarness, code, stderr)
	require.Contains(t, stderr, "main.go:3:15: undefined: vote")
	_, err := os.Stat(filepath.Join(root, "page.html"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The page is served until Ctrl-C, for the address that was printed, and the file is
// the same page.
func TestPlay(t *testing.T) {
	p := startLab(t, "../..", "play", "raft")
	url := regexp.MustCompile(`(?m)^http://127\.0\.0\.1:[0-9]+/$`).FindString(p.until("Ctrl-C ends"))
	require.NotEmpty(t, url)

	// Another one at the same address says so before it builds.
	code, stdout, stderr := lab(t, "../..", "play", "raft", "--addr", strings.Trim(strings.TrimPrefix(url, "http:"), "/"))
	require.Equal(t, exitHarness, code)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "address already in use")

	answer, err := http.Get(url)
	require.NoError(t, err)
	page, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	request, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	request.Host = "rebound.example"
	answer, err = http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusMisdirectedRequest, answer.StatusCode)

	file := filepath.Join(t.TempDir(), "page.html")
	code, stdout, stderr = lab(t, "../..", "play", "raft", "--out", file)
	require.Zero(t, code, stderr)
	require.Regexp(t, `page\.html: [0-9.]+ MB\n$`, stdout)
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(page), string(written))

	require.Zero(t, p.end(os.Interrupt))
}
