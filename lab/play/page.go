//go:build !js

package play

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pingcap/errors"
)

// page is bundled from lab/web/src/play. It has a place for the program, and one for
// what Go needs to run it.
//
//go:embed page.html
var page string

// A BuildError is what the compiler says about a tree that does not build.
type BuildError struct{ Says string }

func (e *BuildError) Error() string { return "the playground does not build:\n" + e.Says }

// A Builder makes the playground of a tree.
type Builder struct {
	// Root is the directory of the tree's module.
	Root string
	// Flags are more flags for go build.
	Flags []string
	// Scratch is a directory for what is built. Building again is fast.
	Scratch string
}

// Page compiles the tree's Raft for browsers, and returns the page that has it inside:
// one file that fetches nothing. A tree that does not build is a *BuildError.
func (b *Builder) Page(ctx context.Context) ([]byte, error) {
	wasm := filepath.Join(b.Scratch, "play.wasm")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", wasm}, b.Flags...)
	if says, err := b.run(ctx, append(args, "./lab/play/wasm")...); err != nil {
		if says == "" {
			return nil, err
		}
		return nil, &BuildError{says}
	}
	root, err := b.run(ctx, "env", "GOROOT")
	if err != nil {
		return nil, errors.Annotatef(err, "go env GOROOT: %s", root)
	}
	// Of the very toolchain that has compiled the program: they depend on each other.
	start, err := os.ReadFile(filepath.Join(root, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, errors.Annotate(err, "the toolchain lacks its support for browsers")
	}
	program, err := os.ReadFile(wasm)
	if err != nil {
		return nil, errors.Trace(err)
	}
	return compose(start, program)
}

// compose puts the program into the page.
func compose(start, program []byte) ([]byte, error) {
	if bytes.Contains(bytes.ToLower(start), []byte("</script")) {
		return nil, errors.New("wasm_exec.js would end its place in the page")
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, errors.Trace(err)
	}
	if _, err := zip.Write(program); err != nil {
		return nil, errors.Trace(err)
	}
	if err := zip.Close(); err != nil {
		return nil, errors.Trace(err)
	}
	return []byte(strings.NewReplacer(
		"<!-- wasm_exec.js -->", string(start),
		"<!-- program -->", base64.StdEncoding.EncodeToString(packed.Bytes()),
	).Replace(page)), nil
}

// run runs the go command, and returns what it says.
func (b *Builder) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.Root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=js", "GOARCH=wasm")
	// The children of an interrupted go command may hold its output open.
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", errors.Trace(ctx.Err())
	}
	return strings.TrimSpace(string(out)), errors.Trace(err)
}
