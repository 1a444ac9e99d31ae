package grade

import (
	"bytes"
	"context"
	"encoding/json"
	stderrors "errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/overlay"
)

// A checkRequest is all that the type check of a submission needs in a process of its own.
type checkRequest struct {
	Root       string            // of the course
	Files      map[string][]byte // laid over its tree
	Submission map[string][]byte
	Build      buildSettings
	Listed     map[string]*listedPackage
}

// typeCheckMain reads a checkRequest from standard input and writes typeFindings to
// standard output.
func typeCheckMain() error {
	var request checkRequest
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return errors.Annotate(err, "check: request")
	}
	c, err := course.Load(request.Root)
	if err != nil {
		return errors.Annotate(err, "check")
	}
	k := &typeChecker{course: c, files: request.Files, listed: request.Listed}
	k.settle(request.Build)
	k.provide()
	found, err := k.find(request.Submission)
	if err != nil {
		return errors.Annotate(err, "check")
	}
	return errors.Trace(json.NewEncoder(os.Stdout).Encode(found))
}

// findInCell is find in a process that is confined as builds are. A submission that it
// cannot check within their limits is refused.
func (k *typeChecker) findInCell(ctx context.Context, submission map[string][]byte) (found typeFindings, err error) {
	request, err := json.Marshal(checkRequest{
		Root: k.course.Root, Files: k.files, Submission: submission, Listed: k.listed,
		Build: buildSettings{
			GOOS: k.build.GOOS, GOARCH: k.build.GOARCH, Compiler: k.build.Compiler,
			BuildTags: k.build.BuildTags, ToolTags: k.build.ToolTags, ReleaseTags: k.build.ReleaseTags,
		},
	})
	if err != nil {
		return found, errors.Trace(err)
	}
	out, refused, err := k.inCell(ctx, func(ctx context.Context, dir string) (*exec.Cmd, error) {
		line := k.builder.cell(append(append([]string(nil), k.builder.self...), "check"), dir)
		cmd := exec.CommandContext(ctx, line[0], line[1:]...)
		cmd.Env = []string{"TMPDIR=" + dir}
		cmd.Stdin = bytes.NewReader(request)
		return cmd, nil
	})
	if err != nil || refused != "" {
		return typeFindings{Refused: textsOf(refused)}, err
	}
	return found, errors.Annotate(json.Unmarshal(out, &found), "type checker")
}

// listInCell is list confined as builds are, with a build cache of its own.
func (k *typeChecker) listInCell(ctx context.Context, files map[string][]byte, args []string) (packages []*listedPackage, refused []string, err error) {
	out, reason, err := k.inCell(ctx, func(ctx context.Context, dir string) (*exec.Cmd, error) {
		arg, err := overlay.WriteOverlay(dir, k.course.Root, files)
		if err != nil {
			return nil, err
		}
		cache, into := filepath.Join(dir, "cache"), filepath.Join(dir, "into")
		if err := stderrors.Join(os.Mkdir(cache, 0o700), os.Mkdir(into, 0o700)); err != nil {
			return nil, errors.Trace(err)
		}
		return k.builder.command(ctx, cache, into, into, append([]string{"list", "-e", "-overlay", arg}, args...))
	})
	if err != nil || reason != "" {
		return nil, textsOf(reason), err
	}
	packages, err = listedIn(out)
	return packages, nil, err
}

// inCell runs a command that looks at a submission, within the limits of builds, and
// returns its standard output. It has a directory for itself. If the command does not get
// through, it returns why the submission is refused.
func (k *typeChecker) inCell(ctx context.Context, command func(ctx context.Context, dir string) (*exec.Cmd, error)) (out []byte, refused string, err error) {
	scratch, err := newScratch()
	if err != nil {
		return nil, "", err
	}
	defer scratch.remove()
	limits := k.builder.limits
	limited, cancel := context.WithTimeout(ctx, limits.time)
	defer cancel()
	cmd, err := command(limited, scratch.dir)
	if err != nil {
		return nil, "", err
	}
	cmd.Dir = k.course.Root
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	messages := newClippedOutput(outputHead, outputTail)
	var answer bytes.Buffer
	cmd.Stdout, cmd.Stderr = &boundedWriter{&answer, maxReportOfCheck}, messages
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		return nil, "", errors.Annotate(err, "start the type checker")
	}
	stop := watchBuild(cmd.Process, limits, scratch.dir)
	err = cmd.Wait()
	over := stop()
	killGroup(cmd.Process)
	const cannot = "cannot be checked: "
	switch {
	case ctx.Err() != nil:
		return nil, "", ctx.Err()
	case over != "":
		return nil, cannot + over, nil
	case limited.Err() != nil:
		return nil, cannot + limits.overTime(), nil
	case err == nil:
		return answer.Bytes(), "", nil
	}
	text := messages.String()
	if reason := limits.explain(text); reason != "" {
		return nil, cannot + reason, nil
	}
	if cr := parseCrash(k.course, text); cr != nil {
		return nil, cannot + "the type checker ends with " + cr.message, nil
	}
	return nil, "", errors.Annotatef(err, "type checker: %s", lastLine(text))
}

// maxReportOfCheck bounds what a type check answers, in bytes.
const maxReportOfCheck = 64 << 20

// boundedWriter fails at its bound.
type boundedWriter struct {
	w    io.Writer
	left int
}

func (b *boundedWriter) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errors.New("the type checker says too much")
	}
	return b.w.Write(p)
}

// textsOf returns a list of a text that is not empty.
func textsOf(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
