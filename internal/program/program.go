// Package program has what all programs of LabKV share: the signals that end
// them in good order, and the version that they print.
package program

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Version is the version of the course that this tree holds, as course.yaml
// states it.
const Version = "4.0"

// Signals returns the signals at which a program cleans up and ends: what it
// has started, and its temporary files, would outlive it otherwise. The end of
// the terminal is one of them, unless nohup made the program ignore it.
func Signals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// VersionText returns what --version prints after the name of the program: the
// version of the course, the revision of the sources if the build recorded one,
// and the version of Go.
func VersionText() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return Version
	}
	return versionText(info)
}

func versionText(info *debug.BuildInfo) string {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	from := ""
	if revision := settings["vcs.revision"]; revision != "" {
		from = fmt.Sprintf("revision %.12s", revision)
		if settings["vcs.modified"] == "true" {
			from += " with changes"
		}
		from += ", "
	}
	return fmt.Sprintf("%s (%s%s)", Version, from, info.GoVersion)
}
