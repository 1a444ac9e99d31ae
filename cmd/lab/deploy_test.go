package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/labkv/labkv/lab/course"
)

// A manifest is a Kubernetes object, as far as the tests of deploy/ look at it.
type manifest struct {
	Kind     string
	Metadata struct {
		Name   string
		Labels map[string]string
	}
	Spec struct {
		podSpec `yaml:",inline"` // of a Pod

		// Of a Job.
		CompletionMode       string `yaml:"completionMode"`
		Completions          int
		Parallelism          int
		BackoffLimitPerIndex *int `yaml:"backoffLimitPerIndex"`
		PodFailurePolicy     struct {
			Rules []struct {
				Action      string
				OnExitCodes struct {
					ContainerName string `yaml:"containerName"`
					Values        []int
				} `yaml:"onExitCodes"`
			}
		} `yaml:"podFailurePolicy"`
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}

		// Of a NetworkPolicy.
		PodSelector struct {
			MatchLabels map[string]string `yaml:"matchLabels"`
		} `yaml:"podSelector"`
		PolicyTypes     []string `yaml:"policyTypes"`
		Ingress, Egress []any
	}
}

type podSpec struct {
	RestartPolicy                string         `yaml:"restartPolicy"`
	AutomountServiceAccountToken *bool          `yaml:"automountServiceAccountToken"`
	SecurityContext              map[string]any `yaml:"securityContext"`
	Containers                   []struct {
		Name, Image     string
		Command         []string
		Env             []struct{ Name, Value string }
		SecurityContext map[string]any `yaml:"securityContext"`
		Resources       struct {
			Requests, Limits map[string]string
		}
		VolumeMounts []struct {
			Name      string
			MountPath string `yaml:"mountPath"`
			SubPath   string `yaml:"subPath"`
			ReadOnly  bool   `yaml:"readOnly"`
		} `yaml:"volumeMounts"`
	}
	Volumes []struct {
		Name                  string
		PersistentVolumeClaim struct {
			ClaimName string `yaml:"claimName"`
		} `yaml:"persistentVolumeClaim"`
	}
}

// manifests returns the objects of all manifests in deploy, by kind and name.
func manifests(t *testing.T) map[string]manifest {
	files, err := filepath.Glob("../../deploy/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]manifest{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for d := yaml.NewDecoder(bytes.NewReader(data)); ; {
			var m manifest
			err := d.Decode(&m)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, file)
			name := m.Kind + "/" + m.Metadata.Name
			require.NotContains(t, all, name)
			all[name] = m
		}
	}
	return all
}

// pods returns the pods of the manifests, with their labels, by the object that has them.
func pods(all map[string]manifest) (specs map[string]podSpec, labels map[string]map[string]string) {
	specs, labels = map[string]podSpec{}, map[string]map[string]string{}
	for name, m := range all {
		switch m.Kind {
		case "Pod":
			specs[name], labels[name] = m.Spec.podSpec, m.Metadata.Labels
		case "Job":
			specs[name], labels[name] = m.Spec.Template.Spec, m.Spec.Template.Metadata.Labels
		}
	}
	return specs, labels
}

// Each pod runs as the user of the image, without rights, and without a network.
func TestDeployedPods(t *testing.T) {
	c, err := course.Load("../..")
	require.NoError(t, err)
	dockerfile, err := os.ReadFile("../../deploy/Dockerfile")
	require.NoError(t, err)
	readme, err := os.ReadFile("../../deploy/README.md")
	require.NoError(t, err)
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	language := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindSubmatch(mod)
	require.NotNil(t, language)
	require.Contains(t, string(dockerfile), fmt.Sprintf("\nFROM golang:%s\n", language[1]))
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindSubmatch(dockerfile)
	require.NotNil(t, user)
	uid, err := strconv.Atoi(string(user[1]))
	require.NoError(t, err)
	require.Equal(t, string(user[1]), string(user[2]))
	require.Contains(t, string(dockerfile), fmt.Sprintf("groupadd --gid %d lab && useradd --uid %d --gid %d ", uid, uid, uid))
	image := "registry.example.com/labkv:" + c.Version.String()
	build := "docker build -f deploy/Dockerfile -t " + image + " ."
	require.Contains(t, string(dockerfile), build)
	require.Contains(t, string(readme), build)

	all := manifests(t)
	policy := all["NetworkPolicy/labkv"].Spec
	require.ElementsMatch(t, []string{"Ingress", "Egress"}, policy.PolicyTypes)
	require.Empty(t, policy.Ingress)
	require.Empty(t, policy.Egress)
	require.NotEmpty(t, policy.PodSelector.MatchLabels)

	specs, labels := pods(all)
	require.Len(t, specs, 3)
	for name, pod := range specs {
		for key, value := range policy.PodSelector.MatchLabels {
			require.Equal(t, value, labels[name][key], "%s escapes the policy", name)
		}
		require.NotNil(t, pod.AutomountServiceAccountToken, name)
		require.False(t, *pod.AutomountServiceAccountToken, name)
		require.Equal(t, map[string]any{
			"runAsNonRoot": true, "runAsUser": uid, "runAsGroup": uid,
			"fsGroup": uid, "fsGroupChangePolicy": "OnRootMismatch",
			"seccompProfile": map[string]any{"type": "RuntimeDefault"},
		}, pod.SecurityContext, name)
		require.Len(t, pod.Containers, 1, name)
		container := pod.Containers[0]
		require.Equal(t, image, container.Image, name)
		require.Equal(t, map[string]any{
			"allowPrivilegeEscalation": false,
			"capabilities":             map[string]any{"drop": []any{"ALL"}},
		}, container.SecurityContext, name)
		for _, resource := range []string{"cpu", "memory"} {
			require.NotEmpty(t, container.Resources.Requests[resource], name)
			require.NotEmpty(t, container.Resources.Limits[resource], name)
		}
		claims := map[string]string{}
		for _, volume := range pod.Volumes {
			claims[volume.Name] = volume.PersistentVolumeClaim.ClaimName
		}
		for _, mount := range container.VolumeMounts {
			require.Contains(t, all, "PersistentVolumeClaim/"+claims[mount.Name], name)
		}
	}
}

// shell runs the command of a job's pod with a program in the place of lab that ends with a
// status. It returns what lab was called with, and the status of the whole.
func shell(t *testing.T, job manifest, index, status int) (args []string, code int) {
	bin := t.TempDir()
	write(t, bin, "lab", "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit \"$STATUS\"\n")
	require.NoError(t, os.Chmod(filepath.Join(bin, "lab"), 0o755))
	container := job.Spec.Template.Spec.Containers[0]
	cmd := exec.CommandContext(t.Context(), container.Command[0], container.Command[1:]...)
	cmd.Env = append(os.Environ(),
		"PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"),
		fmt.Sprintf("JOB_COMPLETION_INDEX=%d", index),
		fmt.Sprintf("STATUS=%d", status),
		"PROCESSORS="+container.Resources.Limits["cpu"],
	)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		require.NoError(t, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), cmd.ProcessState.ExitCode()
}

// The pods of a job together run all parts, each one, with a command that lab understands.
func TestDeployedJobs(t *testing.T) {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("there is no shell here")
	}
	c, err := course.Load("../..")
	require.NoError(t, err)
	all := manifests(t)
	for _, test := range []struct {
		job, command string
		// status is the pod's for each of lab's.
		status map[int]int
		// actions is what the policy does about a status, if it does not try again.
		actions map[int]string
	}{
		{"Job/labkv-grade", "grade", map[int]int{exitPassed: 0, exitFailed: 0, exitUsage: 2, exitHarness: 3, 4: 4, 137: 137}, map[int]string{2: "FailJob", 4: "FailJob"}},
		{"Job/labkv-fuzz", "fuzz", map[int]int{exitPassed: 0, exitFailed: 1, exitUsage: 2, exitHarness: 3, 137: 137}, map[int]string{1: "FailIndex", 2: "FailJob"}},
	} {
		job, ok := all[test.job]
		require.True(t, ok, test.job)
		require.Equal(t, "Indexed", job.Spec.CompletionMode)
		require.NotNil(t, job.Spec.BackoffLimitPerIndex, test.job)
		require.LessOrEqual(t, job.Spec.Parallelism, job.Spec.Completions)
		pod := job.Spec.Template.Spec
		require.Equal(t, "Never", pod.RestartPolicy, "%s counts failures by index", test.job)
		container := pod.Containers[0]

		for index := range job.Spec.Completions {
			args, code := shell(t, job, index, exitPassed)
			require.Zero(t, code)
			cmd := parsed(t, args)
			require.Equal(t, test.command, cmd.Name())
			require.Equal(t, fmt.Sprintf("%d/%d", index+1, job.Spec.Completions), cmd.Flag("shard").Value.String())
			require.Equal(t, container.Resources.Limits["cpu"], cmd.Flag("jobs").Value.String())
			if test.command == "fuzz" {
				require.NotEqual(t, "0", cmd.Flag("from").Value.String())
				_, err := c.Select(cmd.Flags().Args()...)
				require.NoError(t, err)
				continue
			}
			out := cmd.Flag("out").Value.String()
			require.Equal(t, strconv.Itoa(index), path.Base(out), "each part has its own results")
			require.Equal(t, "true", cmd.Flag("resume").Value.String())
			require.Equal(t, "[json]", cmd.Flag("format").Value.String(), "lab merge reads it")
			readOnly := map[string]bool{}
			for _, mount := range container.VolumeMounts {
				readOnly[mount.MountPath] = mount.ReadOnly
				files := all["Pod/labkv-files"].Spec.Containers[0]
				require.Contains(t, strings.Join(files.Command, " "), path.Join(files.VolumeMounts[0].MountPath, mount.SubPath))
			}
			require.Equal(t, map[string]bool{path.Dir(cmd.Flags().Arg(0)): true, path.Dir(out): false}, readOnly)
			require.Contains(t, container.Command[2], " /submissions/* ")
			require.Contains(t, container.Env, struct{ Name, Value string }{"LC_ALL", "C"})
		}

		for status, want := range test.status {
			_, code := shell(t, job, 0, status)
			require.Equal(t, want, code, "%s, lab %s ends with %d", test.job, test.command, status)
		}
		actions := map[int]string{}
		for _, rule := range job.Spec.PodFailurePolicy.Rules {
			for _, status := range rule.OnExitCodes.Values {
				require.Equal(t, container.Name, rule.OnExitCodes.ContainerName)
				actions[status] = rule.Action
			}
		}
		require.Equal(t, test.actions, actions, test.job)

		// All processes at a time, at the most that one can get, with a GiB for the compiler.
		var memory, processes int64
		_, err := fmt.Sscanf(container.Resources.Limits["memory"], "%dGi", &memory)
		require.NoError(t, err)
		_, err = fmt.Sscan(container.Resources.Limits["cpu"], &processes)
		require.NoError(t, err)
		for _, stage := range c.Stages() {
			require.GreaterOrEqual(t, memory<<30, processes*2*stage.Budget.Memory+1<<30, "%s, stage %s", test.job, stage.ID)
		}
	}
}

// parsed returns the command that a command line of lab calls, with its flags set.
func parsed(t *testing.T, args []string) *cobra.Command {
	cmd, rest, err := newApp().command().Find(args)
	require.NoError(t, err, args)
	require.NoError(t, cmd.ParseFlags(rest), args)
	require.NoError(t, cmd.ValidateRequiredFlags(), args)
	require.NoError(t, cmd.ValidateFlagGroups(), args)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), args)
	return cmd
}
