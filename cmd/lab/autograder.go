package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/overlay"
)

//go:embed autograder
var autograderFiles embed.FS

// onPlatform are the flags of grading on a platform for courses.
type onPlatform struct {
	policy   string
	metadata string
}

func (o *onPlatform) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.policy, "policy", "", "`FILE` that says how a platform shows hidden tests, and counts attempts")
	cmd.Flags().StringVar(&o.metadata, "metadata", "", "`FILE` in which Gradescope describes the submission, submission_metadata.json")
}

// load returns what the flags name, nil if they name nothing.
func (o *onPlatform) load() (*grade.Platform, error) {
	if o.policy == "" && o.metadata == "" {
		return nil, nil
	}
	p := &grade.Platform{Policy: course.DefaultPolicy()}
	var err error
	if o.policy != "" {
		if p.Policy, err = course.LoadPolicy(o.policy); err != nil {
			return nil, usageError{err}
		}
	}
	if o.metadata != "" {
		if p.Submission, err = grade.ReadPlatformSubmission(o.metadata); err != nil {
			return nil, usageError{err}
		}
	}
	return p, nil
}

// keeping runs a batch of one submission, and keeps a results.json that says at each time
// what is known. When the policy's time is over, what is known counts.
func keeping(ctx context.Context, batch *grade.Batch, submissions []string, out *output) (*grade.Grades, error) {
	if err := os.MkdirAll(out.dir, 0o755); err != nil {
		return nil, err
	}
	policy := course.DefaultPolicy()
	if out.platform != nil {
		policy = out.platform.Policy
	}
	partial := &grade.Partial{
		Path:      filepath.Join(out.dir, resultsFile),
		Course:    batch.Course,
		Selection: batch.Selection,
		Platform:  out.platform,
		Pause:     time.Second,
	}
	if err := partial.Begin(); err != nil {
		return nil, err
	}
	batch.Runner.Finished = partial.Add
	limited, cancel := context.WithTimeout(ctx, policy.Time)
	defer cancel()
	grades, err := batch.Run(limited, submissions)
	switch {
	case err == nil:
		return grades, nil
	case ctx.Err() == nil && limited.Err() != nil:
		if err := partial.Write(fmt.Sprintf("The time for grading, %s, was over before all tests had ended. Those that had ended count.", policy.Time)); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "lab: the time of the policy, %s, is over: %s has what is known\n", policy.Time, partial.Path)
		return nil, exit{exitFailed}
	}
	if err := partial.Write("The grader itself failed. That is not your submission's fault: tell the course's staff, who find the reason in the autograder's output."); err != nil {
		return nil, err
	}
	return nil, err
}

func (a *app) autograderCommand() *cobra.Command {
	var stages []string
	var hidden, policy, toolchain string
	var onReference bool
	cmd := &cobra.Command{
		Use:   "autograder DIR",
		Short: "write the zip that Gradescope grades with",
		Long: `Writes DIR/autograder.zip: this tree, hidden tests and a policy if there are some, and
the two scripts that Gradescope runs. While it builds its image, setup.sh installs Go and
compiles everything; run_autograder then grades a submission without a network, and not as
root. The same tree always gives the same zip.

The policy is a file such as this one, in which each field may be missing:

  time: 9m                      # after which the tests that have ended count
  regrade: best                 # or latest: which of several submissions counts
  hidden:
    visibility: after_due_date  # or after_published, hidden, visible
    attempts: 3                 # submissions that run the hidden tests
    every: 24h                  # after which an attempt comes back`,
		Example: `  lab autograder out/gradescope --stage 2a
  lab autograder out/gradescope --stage 2 --hidden ../hidden --policy ../policy.yaml
  lab autograder out/gradescope --go ../go1.26.0.linux-amd64.tar.gz`,
		Args: cobra.ExactArgs(1),
		RunE: ran(func(cmd *cobra.Command, args []string) error {
			c, err := a.course()
			if err != nil {
				return err
			}
			if hidden != "" {
				if c, err = c.WithHidden(hidden); err != nil {
					return err
				}
			}
			if _, err := selection(c, stages); err != nil {
				return err
			}
			if err := nothingOfStudents(cmd.Context(), c); err != nil {
				return err
			}
			z := &autograder{course: c, version: goVersion(c)}
			if err := z.tree(cmd.Context()); err != nil {
				return err
			}
			options := []string{}
			if len(stages) > 0 {
				options = append(options, "--stage", strings.Join(stages, ","))
			}
			if onReference {
				options = append(options, "--on-reference")
			}
			if hidden != "" {
				if err := z.hidden(hidden); err != nil {
					return err
				}
			}
			if policy != "" {
				if _, err := course.LoadPolicy(policy); err != nil {
					return usageError{err}
				}
				if err := z.copy("policy.yaml", policy, 0o644); err != nil {
					return err
				}
			}
			if toolchain != "" {
				if err := z.copy("go.tar.gz", toolchain, 0o644); err != nil {
					return err
				}
			}
			for _, name := range []string{"setup.sh", "run_autograder"} {
				text, err := autograderFiles.ReadFile("autograder/" + name)
				if err != nil {
					return err
				}
				script := strings.NewReplacer("@GO@", z.version, "@OPTIONS@", strings.Join(options, " ")).Replace(string(text))
				z.add(name, []byte(script), 0o755)
			}
			path := filepath.Join(args[0], "autograder.zip")
			if err := writeFile(path, z.write); err != nil {
				return err
			}
			fmt.Printf("%s grades version %s with %d files; upload it to Gradescope\n", path, c.Version, len(z.files))
			return nil
		}),
	}
	cmd.Flags().StringSliceVar(&stages, "stage", nil, "stages (or tests) to grade, `S` (default: all)")
	completeFlag(cmd, "stage", listCompletion(a.selectors))
	cmd.Flags().StringVar(&hidden, "hidden", "", "`DIR` with hidden tests")
	cmd.Flags().StringVar(&policy, "policy", "", "`FILE` with the policy")
	cmd.Flags().StringVar(&toolchain, "go", "", "`ARCHIVE` of Go for Linux, .tar.gz (default: setup.sh downloads it)")
	cmd.Flags().BoolVar(&onReference, "on-reference", false, "take only the directories that the stages edit, and all else from the solution")
	return cmd
}

// autograder is a zip in the making.
type autograder struct {
	course  *course.Course
	version string // of Go
	files   []zipped
}

type zipped struct {
	name string
	data []byte
	mode os.FileMode
}

var goLine = regexp.MustCompile(`(?m)^go ([0-9.]+)$`)

// goVersion is the version of Go that the course's go.mod asks for.
func goVersion(c *course.Course) string {
	data, err := os.ReadFile(filepath.Join(c.Root, "go.mod"))
	if m := goLine.FindSubmatch(data); err == nil && m != nil {
		return string(m[1])
	}
	return ""
}

func (z *autograder) add(name string, data []byte, mode os.FileMode) {
	z.files = append(z.files, zipped{name, data, mode})
}

func (z *autograder) copy(name, from string, mode os.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	z.add(name, data, mode)
	return nil
}

// tree adds the files of the course's tree.
func (z *autograder) tree(ctx context.Context) error {
	names, err := overlay.Files(ctx, z.course.Root)
	if err != nil {
		return err
	}
	for _, name := range names {
		from := filepath.Join(z.course.Root, filepath.FromSlash(name))
		info, err := os.Lstat(from)
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		mode := os.FileMode(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		if err := z.copy("course/"+name, from, mode); err != nil {
			return err
		}
	}
	return nil
}

// hidden adds the files of a directory of hidden tests that matter.
func (z *autograder) hidden(dir string) error {
	return filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		if rel != course.FileName && !strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		return z.copy("hidden/"+filepath.ToSlash(rel), name, 0o644)
	})
}

// write writes the zip. All of its files are of the same time.
func (z *autograder) write(w io.Writer) error {
	out := zip.NewWriter(w)
	out.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	for _, f := range z.files {
		header := &zip.FileHeader{Name: f.name, Method: zip.Deflate, Modified: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
		if strings.HasSuffix(f.name, ".gz") {
			header.Method = zip.Store
		}
		header.SetMode(f.mode)
		file, err := out.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, bytes.NewReader(f.data)); err != nil {
			return err
		}
	}
	return out.Close()
}
