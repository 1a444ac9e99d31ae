package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/pingcap/errors"
	"github.com/spf13/cobra"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

func newMVCCCommand() *cobra.Command {
	t := &target{}
	format := ""
	cmd := &cobra.Command{
		Use:   "mvcc KEY",
		Short: "Print what transactions have stored for a key: its lock, and all versions",
		Long: `Print what transactions have stored for a key: its lock, and all versions, the newest
first. The three column families are read one after the other, with raw commands: of a
key that is being written, the parts may be of different moments.

Times are the physical parts of timestamps, in UTC, with the logical part after a + if it is not 0.`,
		Args: exactly("KEY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "table" && format != "json" {
				return &usageError{errors.Errorf("--format %q is neither table nor json", format)}
			}
			return t.run(cmd, args, func(ctx context.Context, c *client.Raw, args [][]byte) error {
				h, err := readHistory(ctx, c, args[0], t.notation)
				switch {
				case err != nil:
					return err
				case h.Lock == nil && len(h.Versions) == 0:
					return errors.Errorf("key %s has no lock and no versions", t.format(args[0]))
				}
				return errors.Trace(printContents(cmd.OutOrStdout(), format, h))
			})
		},
	}
	t.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	if err := cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	return cmd
}

// The JSON form of what is stored for a key. Keys and values are as in tables.
type (
	history struct {
		Key      string       `json:"key"`
		Lock     *lockRow     `json:"lock,omitempty"`
		Versions []versionRow `json:"versions"` // the newest first
	}
	lockRow struct {
		Kind    string  `json:"kind"` // Put, Del or Lock
		Start   uint64  `json:"start_ts"`
		TTL     uint64  `json:"ttl_ms"`
		Primary string  `json:"primary"`
		Value   *string `json:"value,omitempty"` // what a Put is about to write
	}
	versionRow struct {
		// Kind is Put, Del, Lock or Rollback; or empty for a value to which there is
		// neither a record nor the lock.
		Kind   string  `json:"kind"`
		Commit uint64  `json:"commit_ts,omitempty"`
		Start  uint64  `json:"start_ts"`
		Value  *string `json:"value,omitempty"` // of a Put
	}
)

func (h *history) table() (header table.Row, rows []table.Row, numbers []string) {
	show := func(value *string, put bool) string {
		switch {
		case value != nil:
			return *value
		case put:
			return "(missing)"
		}
		return ""
	}
	if l := h.Lock; l != nil {
		until := time.UnixMilli(transaction.Physical(l.Start)).Add(time.Duration(l.TTL) * time.Millisecond)
		what := fmt.Sprintf("locked until\n%s\nprimary key %s", until.UTC().Format(timeFormat), l.Primary)
		rows = append(rows, table.Row{what, showTS(l.Start), l.Kind, show(l.Value, l.Kind == kvrpcpb.Op_Put.String())})
	}
	for _, v := range h.Versions {
		commit, kind := showTS(v.Commit), v.Kind
		switch kind {
		case "":
			commit, kind = "", "(left over)"
		case kvrpcpb.Op_Rollback.String():
			commit = "" // stored at its start
		}
		rows = append(rows, table.Row{commit, showTS(v.Start), kind, show(v.Value, kind == kvrpcpb.Op_Put.String())})
	}
	return table.Row{"commit", "start", "kind", "value"}, rows, nil
}

const timeFormat = "2006-01-02 15:04:05.000"

// showTS shows a timestamp as its time, with its logical part if that is not 0.
func showTS(ts uint64) string {
	text := time.UnixMilli(transaction.Physical(ts)).UTC().Format(timeFormat)
	if logical := ts & (1<<transaction.LogicalBits - 1); logical != 0 {
		text += fmt.Sprintf("+%d", logical)
	}
	return text
}

// readHistory reads what is stored for key. The lock comes first: what it becomes meanwhile
// is then among the records.
func readHistory(ctx context.Context, c *client.Raw, key []byte, n notation) (*history, error) {
	h := &history{Key: n.format(key), Versions: []versionRow{}}
	stored, locked, err := c.Get(ctx, engine.CFLock, transaction.EncodeKey(key))
	if err != nil {
		return nil, err
	}
	records, err := readVersions(ctx, c, engine.CFWrite, key)
	if err != nil {
		return nil, err
	}
	values, err := readVersions(ctx, c, engine.CFDefault, key)
	if err != nil {
		return nil, err
	}
	// take returns the value that the transaction of startTS has stored.
	take := func(startTS uint64) *string {
		value, found := values[startTS]
		if !found {
			return nil
		}
		delete(values, startTS)
		text := n.format(value)
		return &text
	}
	if locked {
		l, err := transaction.DecodeLock(stored)
		if err != nil {
			return nil, err
		}
		h.Lock = &lockRow{Kind: l.Kind.String(), Start: l.StartTS, TTL: l.TTL, Primary: n.format(l.Primary), Value: take(l.StartTS)}
	}
	for _, ts := range slices.Backward(slices.Sorted(maps.Keys(records))) {
		r, err := transaction.DecodeRecord(records[ts], ts)
		if err != nil {
			return nil, err
		}
		h.Versions = append(h.Versions, versionRow{Kind: r.Kind.String(), Commit: ts, Start: r.StartTS, Value: take(r.StartTS)})
	}
	for ts, value := range values {
		text := n.format(value)
		h.Versions = append(h.Versions, versionRow{Start: ts, Value: &text})
	}
	slices.SortStableFunc(h.Versions, func(a, b versionRow) int { return cmp.Compare(max(b.Commit, b.Start), max(a.Commit, a.Start)) })
	return h, nil
}

// readVersions returns what a family has for key, by timestamps.
func readVersions(ctx context.Context, c *client.Raw, cf engine.CF, key []byte) (map[uint64][]byte, error) {
	const page = 100 // the region may have much after the key
	versions := map[uint64][]byte{}
	for start := transaction.VersionKey(key, ^uint64(0)); ; {
		pairs, more, err := c.Scan(ctx, cf, start, page)
		if err != nil {
			return nil, err
		}
		for _, p := range pairs {
			user, ts, err := transaction.DecodeVersion(p.Key)
			if err != nil || !bytes.Equal(user, key) {
				return versions, nil // a raw key, or another one
			}
			versions[ts] = p.Value
			start = append(p.Key, 0)
		}
		if !more {
			return versions, nil
		}
	}
}
