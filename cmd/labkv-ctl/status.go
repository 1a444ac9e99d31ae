package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func newStatusCommand() *cobra.Command {
	var (
		addrs   []string
		timeout time.Duration
		format  string
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print what each store of a cluster says of its regions",
		Long: `Asks every store for the state of its peers, all at once. Each answers for a moment
of its own, so numbers of a busy cluster need not fit each other exactly.

Exit code 1 means that a store did not answer, or that a region has no leader.`,
		Args: between(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return &usageError{errors.Errorf("--timeout %s is not positive", timeout)}
			}
			if format != "table" && format != "json" {
				return &usageError{errors.Errorf("--format %q is neither table nor json", format)}
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			c := askAll(ctx, addrs)
			if cmd.Context().Err() != nil {
				return errors.New("interrupted")
			}
			if err := c.write(cmd.OutOrStdout(), format); err != nil {
				return errors.Trace(err)
			}
			if len(c.Problems) > 0 {
				return errors.New(strings.Join(c.Problems, "; "))
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&addrs, "addr", []string{"127.0.0.1:20160"}, "`host:port` of a store; once for each store of the cluster")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the stores")
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	if err := cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	return cmd
}

// The JSON form of the answer.
type (
	clusterStatus struct {
		Stores []*storeStatus `json:"stores"` // in the order of --addr
		// Problems are why the exit code is 1, a sentence each.
		Problems []string `json:"problems"`
	}
	storeStatus struct {
		Addr      string        `json:"addr"`
		Error     string        `json:"error,omitempty"` // it did not answer; the rest is absent
		ClusterID uint64        `json:"cluster_id,omitempty"`
		StoreID   uint64        `json:"store_id,omitempty"`
		Peers     []*peerStatus `json:"peers,omitempty"` // in the order of their regions' keys
	}
	peerStatus struct {
		Region      uint64 `json:"region"`
		Peer        uint64 `json:"peer"`
		Role        string `json:"role"`                   // leader, follower or candidate
		LeaderStore uint64 `json:"leader_store,omitempty"` // absent if the peer knows no leader
		Term        uint64 `json:"term"`
		Commit      uint64 `json:"commit"`
		Applied     uint64 `json:"applied"`
		// Lag is how many entries that some store knows to be committed are not
		// applied here.
		Lag      uint64 `json:"lag"`
		LogFirst uint64 `json:"log_first"`
		LogLast  uint64 `json:"log_last"` // less than log_first if the log is empty
		Snapshot string `json:"snapshot,omitempty"`
	}
)

// askAll asks all stores, and returns what they say.
func askAll(ctx context.Context, addrs []string) *clusterStatus {
	c := &clusterStatus{Problems: []string{}}
	var asking sync.WaitGroup
	for _, addr := range addrs {
		s := &storeStatus{Addr: addr}
		c.Stores = append(c.Stores, s)
		asking.Go(func() { s.ask(ctx) })
	}
	asking.Wait()
	c.compare()
	return c
}

// ask fills s with what the store says.
func (s *storeStatus) ask(ctx context.Context) {
	answer, err := func() (*raftserverpb.StoreStatus, error) {
		conn, err := grpc.NewClient(s.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return nil, err
		}
		defer conn.Close()
		return raftserverpb.NewInspectClient(conn).Status(ctx, &raftserverpb.StatusRequest{})
	}()
	switch {
	case status.Code(err) == codes.Unimplemented:
		s.Error = "it is not a store of a cluster"
	case status.Code(err) == codes.DeadlineExceeded:
		s.Error = "no answer in time"
	case err != nil:
		s.Error = status.Convert(err).Message()
	default:
		s.ClusterID, s.StoreID = answer.ClusterId, answer.StoreId
		for _, p := range answer.Peers {
			s.Peers = append(s.Peers, &peerStatus{
				Region:      p.Region.GetId(),
				Peer:        p.PeerId,
				Role:        strings.ToLower(p.Role.String()),
				LeaderStore: storeOf(p.Region, p.Leader),
				Term:        p.Term,
				Commit:      p.Commit,
				Applied:     p.Applied,
				LogFirst:    p.FirstIndex,
				LogLast:     p.LastIndex,
				Snapshot:    snapshotState(p),
			})
		}
	}
}

// storeOf returns the store of a peer, or 0.
func storeOf(r *metapb.Region, peer uint64) uint64 {
	for _, p := range r.GetPeers() {
		if p.Id == peer {
			return p.StoreId
		}
	}
	return 0
}

func snapshotState(p *raftserverpb.PeerStatus) string {
	switch {
	case p.InstallingSnapshot:
		return "installing"
	case p.MakingSnapshot:
		return "making"
	case p.SnapshotIndex != 0:
		return fmt.Sprintf("at %d", p.SnapshotIndex)
	}
	return ""
}

// compare finds what only all answers together tell.
func (c *clusterStatus) compare() {
	problem := func(format string, args ...any) { c.Problems = append(c.Problems, fmt.Sprintf(format, args...)) }
	committed := map[uint64]uint64{} // by region
	var first *storeStatus           // that answered
	var regions []uint64
	led := map[uint64]bool{}
	for _, s := range c.Stores {
		if s.Error != "" {
			problem("store at %s: %s", s.Addr, s.Error)
			continue
		}
		if first = cmp.Or(first, s); s.ClusterID != first.ClusterID {
			problem("store at %s is of cluster %d, the one at %s of cluster %d", s.Addr, s.ClusterID, first.Addr, first.ClusterID)
		}
		for _, p := range s.Peers {
			committed[p.Region] = max(committed[p.Region], p.Commit)
			regions = append(regions, p.Region)
			led[p.Region] = led[p.Region] || p.Role == "leader"
		}
	}
	for _, s := range c.Stores {
		for _, p := range s.Peers {
			p.Lag = committed[p.Region] - min(committed[p.Region], p.Applied)
		}
	}
	slices.Sort(regions)
	for _, region := range slices.Compact(regions) {
		if !led[region] {
			problem("no store that answers leads region %d", region)
		}
	}
}

func (c *clusterStatus) write(w io.Writer, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(c)
	}
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	var columns []table.ColumnConfig
	for _, number := range []string{"store", "region", "leader", "term", "commit", "applied", "lag", "log"} {
		columns = append(columns, table.ColumnConfig{Name: number, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(table.Row{"store", "address", "region", "role", "leader", "term", "commit", "applied", "lag", "log", "snapshot"})
	for _, s := range c.Stores {
		if s.Error != "" {
			t.AppendRow(table.Row{"?", s.Addr, "", "down"})
			continue
		}
		if len(s.Peers) == 0 {
			t.AppendRow(table.Row{s.StoreID, s.Addr})
		}
		for _, p := range s.Peers {
			leader, log := "none", "empty"
			if p.LeaderStore != 0 {
				leader = fmt.Sprint(p.LeaderStore)
			}
			if p.LogLast >= p.LogFirst {
				log = fmt.Sprintf("%d-%d", p.LogFirst, p.LogLast)
			}
			t.AppendRow(table.Row{s.StoreID, s.Addr, p.Region, p.Role, leader, p.Term, p.Commit, p.Applied, p.Lag, log, p.Snapshot})
		}
	}
	_, err := fmt.Fprintln(w, t.Render())
	return err
}
