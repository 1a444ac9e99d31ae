package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/pingcap/errors"
	"github.com/spf13/cobra"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler/client"
)

// A connection holds the flags of the commands that talk to a scheduler, and the
// connection that they make.
type connection struct {
	addr    string
	timeout time.Duration

	schedulerpb.SchedulerClient
	admin  schedulerpb.AdminClient
	header *schedulerpb.RequestHeader
}

func (c *connection) addFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&c.addr, "scheduler", "127.0.0.1:20150", "`host:port` of the scheduler")
	flags.DurationVar(&c.timeout, "timeout", 5*time.Second, "how long to wait for the scheduler")
}

// run connects with the scheduler, learns which cluster it manages, and calls do.
func (c *connection) run(cmd *cobra.Command, do func(context.Context) error) error {
	if c.timeout <= 0 {
		return &usageError{errors.Errorf("--timeout %s is not positive", c.timeout)}
	}
	conn, err := client.Dial(c.addr)
	if err != nil {
		return &usageError{errors.Annotate(err, "--scheduler")}
	}
	defer conn.Close()
	c.SchedulerClient, c.admin = schedulerpb.NewSchedulerClient(conn), schedulerpb.NewAdminClient(conn)
	ctx, cancel := context.WithTimeout(cmd.Context(), c.timeout)
	defer cancel()
	members, err := c.GetMembers(ctx, &schedulerpb.GetMembersRequest{})
	if err == nil {
		c.header = &schedulerpb.RequestHeader{ClusterId: members.GetHeader().GetClusterId()}
		err = do(ctx)
	}
	return explainScheduler(c.addr, c.timeout, err)
}

// explainScheduler puts what became of a call to a scheduler into words.
func explainScheduler(addr string, timeout time.Duration, err error) error {
	s, ok := status.FromError(errors.Cause(err))
	if err == nil || !ok {
		return err
	}
	switch s.Code() {
	case codes.Unavailable:
		return errors.Errorf("cannot reach the scheduler at %s: %s", addr, s.Message())
	case codes.DeadlineExceeded:
		return errors.Errorf("no answer of the scheduler at %s within %s", addr, timeout)
	case codes.Canceled:
		return errors.New("interrupted")
	case codes.Unimplemented:
		if strings.HasPrefix(s.Message(), "not implemented: ") {
			return errors.New(s.Message()) // a method that a student has not written yet
		}
		return errors.Errorf("what answers at %s is not a scheduler: %s", addr, s.Message())
	default:
		return errors.New(s.Message())
	}
}

// A headed is a response of the scheduler.
type headed interface {
	comparable
	GetHeader() *schedulerpb.ResponseHeader
}

// granted returns response, or the scheduler's refusal as an error.
func granted[R headed](response R, err error) (R, error) {
	if err == nil {
		err = client.Check(response.GetHeader())
	}
	return response, err
}

// A listing is a command that prints a table of what the scheduler knows, or the same
// as JSON.
type listing struct {
	use, short, long string
	flags            func(*cobra.Command)
	// list returns what there is to print, and problems, a sentence each, that make
	// the exit code 1.
	list func(context.Context, *connection) (contents, []string, error)
}

// contents are what a listing prints.
type contents interface {
	// table returns the rows for people; numbers are the names of the columns that
	// are aligned to the right.
	table() (header table.Row, rows []table.Row, numbers []string)
}

func (l listing) command() *cobra.Command {
	c := &connection{}
	format := ""
	cmd := &cobra.Command{
		Use: l.use, Short: l.short, Long: l.long, Args: between(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return &usageError{errors.Errorf("--format %q is neither table nor json", format)}
			}
			return c.run(cmd, func(ctx context.Context) error {
				contents, problems, err := l.list(ctx, c)
				if err != nil {
					return err
				}
				if err := printContents(cmd.OutOrStdout(), format, contents); err != nil {
					return errors.Trace(err)
				}
				if len(problems) > 0 {
					return errors.New(strings.Join(problems, "; "))
				}
				return nil
			})
		},
	}
	c.addFlags(cmd)
	cmd.Flags().StringVar(&format, "format", "table", "table or json")
	if l.flags != nil {
		l.flags(cmd)
	}
	if err := cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]cobra.Completion{"table", "json"}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	return cmd
}

func printContents(w io.Writer, format string, c contents) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(c)
	}
	header, rows, numbers := c.table()
	_, err := fmt.Fprintln(w, newTable(header, rows, numbers).Render())
	return err
}

// newTable returns a table in the manner of all commands.
func newTable(header table.Row, rows []table.Row, numbers []string) table.Writer {
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	var columns []table.ColumnConfig
	for _, name := range numbers {
		columns = append(columns, table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(columns)
	t.AppendHeader(header)
	t.AppendRows(rows)
	return t
}

// The JSON form of the stores of a cluster.
type (
	storeList struct {
		Stores []storeRow `json:"stores"` // by id
	}
	storeRow struct {
		ID      uint64 `json:"id"`
		Address string `json:"address"`
		State   string `json:"state"` // up, offline or tombstone
		Peers   int    `json:"peers"`
		Leaders int    `json:"leaders"`
		// Of the last heartbeat; absent if there was none.
		Used      uint64     `json:"used_bytes,omitempty"`
		Available uint64     `json:"available_bytes,omitempty"`
		Heartbeat *time.Time `json:"heartbeat,omitempty"`
	}
)

func newStoresCommand() *cobra.Command {
	return listing{
		use:   "stores",
		short: "Print the stores of a cluster as its scheduler knows them",
		long: `Asks the scheduler of a cluster for its stores. A store that is offline is being
emptied, and becomes a tombstone when it is empty. The last column is the time since
the store was heard of last, by its own clock: a store that runs sends a heartbeat every
few seconds.`,
		list: func(ctx context.Context, c *connection) (contents, []string, error) {
			all, err := granted(c.GetAllStores(ctx, &schedulerpb.GetAllStoresRequest{Header: c.header}))
			if err != nil {
				return nil, nil, err
			}
			regions, err := c.regions(ctx, nil, 0)
			if err != nil {
				return nil, nil, err
			}
			peers, leaders := map[uint64]int{}, map[uint64]int{}
			for i, r := range regions.Regions {
				for _, p := range r.Peers {
					peers[p.StoreId]++
				}
				leaders[regions.Leaders[i].GetStoreId()]++
			}
			list := &storeList{Stores: []storeRow{}}
			for _, s := range all.Stores {
				row := storeRow{ID: s.Id, Address: s.Address, State: strings.ToLower(s.State.String()), Peers: peers[s.Id], Leaders: leaders[s.Id]}
				one, err := granted(c.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: c.header, StoreId: s.Id}))
				if err != nil {
					return nil, nil, err
				}
				if stats := one.Stats; stats != nil {
					row.Used, row.Available = stats.UsedSize, stats.Available
					if end := stats.GetInterval().GetEndTimestamp(); end > 0 {
						at := time.Unix(int64(end), 0).UTC()
						row.Heartbeat = &at
					}
				}
				list.Stores = append(list.Stores, row)
			}
			return list, nil, nil
		},
	}.command()
}

func (l *storeList) table() (header table.Row, rows []table.Row, numbers []string) {
	for _, s := range l.Stores {
		row := table.Row{s.ID, s.Address, s.State, s.Peers, s.Leaders, "", "", "never"}
		if s.Available > 0 {
			row[5], row[6] = size(s.Used), size(s.Available)
		}
		if s.Heartbeat != nil {
			row[7] = age(*s.Heartbeat)
		}
		rows = append(rows, row)
	}
	return table.Row{"store", "address", "state", "peers", "leads", "used", "free", "heard"}, rows,
		[]string{"store", "peers", "leads", "used", "free", "heard"}
}

// size returns a number of bytes as text, with a unit of 1024 to some power: 56.4G.
func size(bytes uint64) string {
	units := []string{"B", "K", "M", "G", "T"}
	n, i := float64(bytes), 0
	for n >= 1024 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	if i == 0 || n >= 100 {
		return fmt.Sprintf("%.0f%s", n, units[i])
	}
	return fmt.Sprintf("%.1f%s", n, units[i])
}

// The JSON form of the regions of a cluster. Keys are hexadecimal.
type (
	regionList struct {
		Regions []regionRow `json:"regions"` // in the order of their keys
		notation
	}
	regionRow struct {
		ID          uint64   `json:"id"`
		StartKey    string   `json:"start_key"`
		EndKey      string   `json:"end_key"`
		ConfVer     uint64   `json:"conf_ver"`
		Version     uint64   `json:"version"`
		LeaderStore uint64   `json:"leader_store,omitempty"` // absent if it is not known
		Stores      []uint64 `json:"stores"`                 // that have a peer
		start, end  []byte
	}
)

// regions asks for the regions from a key on, at most limit of them; 0 is no limit.
func (c *connection) regions(ctx context.Context, start []byte, limit int32) (*schedulerpb.ScanRegionsResponse, error) {
	r, err := granted(c.ScanRegions(ctx, &schedulerpb.ScanRegionsRequest{Header: c.header, StartKey: start, Limit: limit}))
	if err == nil && len(r.Leaders) != len(r.Regions) {
		err = errors.Errorf("the scheduler at %s names %d leaders of %d regions", c.addr, len(r.Leaders), len(r.Regions))
	}
	return r, err
}

func newRegionsCommand() *cobra.Command {
	var (
		start string
		limit int32
		n     notation
	)
	return listing{
		use:   "regions",
		short: "Print the regions of a cluster as its scheduler knows them",
		long: `Asks the scheduler of a cluster for its regions, in the order of their keys. A region
has the keys from the first on, which may be the beginning of all, up to and without the
second, which may be the end of all. The epoch is conf_ver.version: the first grows with
each change of the peers, the second with each split.

Exit code 1 means that the leader of a region is not known, or that keys are in no region
that the scheduler knows.`,
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&start, "from", "", "begin with the region of this `key`")
			cmd.Flags().Int32Var(&limit, "limit", 0, "print at most this `number` of regions; 0 for all")
			cmd.Flags().BoolVar(&n.hex, "hex", false, "keys are hexadecimal, in arguments and in output")
		},
		list: func(ctx context.Context, c *connection) (contents, []string, error) {
			from, err := n.parse("key", start)
			if err != nil {
				return nil, nil, err
			}
			found, err := c.regions(ctx, from, limit)
			if err != nil {
				return nil, nil, err
			}
			list := &regionList{Regions: []regionRow{}, notation: n}
			for i, r := range found.Regions {
				row := regionRow{
					ID: r.Id, StartKey: hex.EncodeToString(r.StartKey), EndKey: hex.EncodeToString(r.EndKey), start: r.StartKey, end: r.EndKey,
					ConfVer: r.GetRegionEpoch().GetConfVer(), Version: r.GetRegionEpoch().GetVersion(), LeaderStore: found.Leaders[i].GetStoreId(),
				}
				for _, p := range r.Peers {
					row.Stores = append(row.Stores, p.StoreId)
				}
				slices.Sort(row.Stores)
				list.Regions = append(list.Regions, row)
			}
			return list, list.problems(from, limit > 0 && len(found.Regions) == int(limit)), nil
		},
	}.command()
}

// problems says what is wrong with regions that were listed from a key on; cut is
// whether more may follow.
func (l *regionList) problems(from []byte, cut bool) []string {
	var problems []string
	gap := func(start, end []byte) {
		from, to := "the beginning", "the end"
		if len(start) > 0 {
			from = l.format(start)
		}
		if len(end) > 0 {
			to = l.format(end)
		}
		problems = append(problems, fmt.Sprintf("no known region has the keys from %s to %s", from, to))
	}
	next := from // the first key of which nothing was said
	for i, r := range l.Regions {
		if slices.Compare(r.start, next) > 0 {
			gap(next, r.start)
		}
		if r.LeaderStore == 0 {
			problems = append(problems, fmt.Sprintf("the leader of region %d is not known", r.ID))
		}
		if next = r.end; len(next) == 0 && i == len(l.Regions)-1 {
			return problems
		}
	}
	if !cut {
		gap(next, nil)
	}
	return problems
}

func (l *regionList) table() (header table.Row, rows []table.Row, numbers []string) {
	for _, r := range l.Regions {
		leader := "none"
		if r.LeaderStore != 0 {
			leader = fmt.Sprint(r.LeaderStore)
		}
		rows = append(rows, table.Row{r.ID, l.short(r.start), l.short(r.end), fmt.Sprintf("%d.%d", r.ConfVer, r.Version), leader, numbersText(r.Stores)})
	}
	return table.Row{"region", "from", "to", "epoch", "leader", "stores"}, rows, []string{"region", "epoch", "leader"}
}

// short returns a key as text that fits into a table.
func (l *regionList) short(key []byte) string {
	const most = 16
	s := l.format(key)
	if len(key) == 0 {
		s = ""
	}
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}

func numbersText(list []uint64) string {
	var texts []string
	for _, n := range list {
		texts = append(texts, fmt.Sprint(n))
	}
	return strings.Join(texts, " ")
}

// The JSON form of operators.
type (
	operatorList struct {
		Running []operatorRow `json:"running"`
		History []operatorRow `json:"history"` // the latest first
	}
	operatorRow struct {
		Region  uint64     `json:"region"`
		Kind    string     `json:"kind"`
		Desc    string     `json:"desc"`
		Status  string     `json:"status"` // running, success, timeout, cancel or replace
		Steps   []string   `json:"steps"`
		Done    uint32     `json:"done"` // steps that have taken effect
		Created time.Time  `json:"created"`
		Ended   *time.Time `json:"ended,omitempty"`
		Reason  string     `json:"reason,omitempty"`
	}
)

func newOperatorsCommand() *cobra.Command {
	var (
		region uint64
		most   int
	)
	return listing{
		use:   "operators",
		short: "Print what the scheduler is changing, and has changed",
		long: `Asks the scheduler of a cluster for the changes of regions that are under way, and for
those that have ended, the latest first. The scheduler forgets them when it restarts.`,
		flags: func(cmd *cobra.Command) {
			cmd.Flags().Uint64Var(&region, "region", 0, "only those of the region with this `id`")
			cmd.Flags().IntVar(&most, "history", 10, "print at most this `number` of those that have ended")
		},
		list: func(ctx context.Context, c *connection) (contents, []string, error) {
			r, err := granted(c.admin.ListOperators(ctx, &schedulerpb.ListOperatorsRequest{Header: c.header, RegionId: region}))
			if err != nil {
				return nil, nil, err
			}
			history := r.History
			if most >= 0 && len(history) > most {
				history = history[:most]
			}
			return &operatorList{operatorRows(r.Running), operatorRows(history)}, nil, nil
		},
	}.command()
}

func operatorRows(operators []*schedulerpb.Operator) []operatorRow {
	rows := []operatorRow{}
	for _, o := range operators {
		row := operatorRow{
			Region: o.RegionId, Kind: o.Kind, Desc: o.Desc, Status: strings.ToLower(o.Status.String()),
			Steps: o.Steps, Done: o.Done, Created: time.UnixMilli(o.Created).UTC(), Reason: o.Reason,
		}
		if o.Ended != 0 {
			ended := time.UnixMilli(o.Ended).UTC()
			row.Ended = &ended
		}
		rows = append(rows, row)
	}
	return rows
}

func (l *operatorList) table() (header table.Row, rows []table.Row, numbers []string) {
	for _, o := range slices.Concat(l.Running, l.History) {
		when := o.Created
		if o.Ended != nil {
			when = *o.Ended
		}
		what := o.Desc
		if o.Reason != "" {
			what += ": " + o.Reason
		}
		const width = 25 // so that all fits into 80 columns
		rows = append(rows, table.Row{o.Region, o.Kind, o.Status, fmt.Sprintf("%d/%d", o.Done, len(o.Steps)), text.WrapSoft(what, width), age(when)})
	}
	return table.Row{"region", "kind", "status", "steps", "what", "since"}, rows, []string{"region", "steps", "since"}
}

// age returns the time since t as text, in its largest unit.
func age(t time.Time) string {
	d := max(time.Since(t), 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
}

// newOperatorCommand returns the commands that change one region.
func newOperatorCommand() *cobra.Command {
	c := &connection{}
	n := notation{}
	txn := false
	cmd := &cobra.Command{
		Use:   "operator",
		Short: "Make the scheduler change a region",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("operator: say what to do: add-peer, remove-peer, move-peer, transfer, split, scatter or cancel")}
		},
	}
	c.addFlags(cmd)
	add := func(use, short string, args cobra.PositionalArgs, request func(numbers []uint64) *schedulerpb.AddOperatorRequest) *cobra.Command {
		names := strings.Fields(use)[1:]
		sub := &cobra.Command{
			Use: use, Short: short, Args: args,
			RunE: func(cmd *cobra.Command, args []string) error {
				var key []byte
				ids := args
				if len(args) > 0 && strings.Contains(names[len(args)-1], "KEY") {
					var err error
					if key, err = n.parse("key", args[len(args)-1]); err != nil {
						return err
					}
					if ids = args[:len(args)-1]; len(key) == 0 {
						return &usageError{errors.New("key is empty: leave it out to split in the middle")}
					}
					if txn {
						key = transaction.EncodeKey(key)
					}
				}
				numbers, err := parseIDs(names, ids)
				if err != nil {
					return err
				}
				q := request(numbers)
				q.RegionId, q.Key = numbers[0], key
				return c.run(cmd, func(ctx context.Context) error { return c.addOperator(ctx, cmd.OutOrStdout(), q) })
			},
		}
		cmd.AddCommand(sub)
		return sub
	}
	add("add-peer REGION STORE", "Add a peer of a region on a store", exactly("REGION", "STORE"), func(n []uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_ADD_PEER, ToStoreId: n[1]}
	})
	add("remove-peer REGION STORE", "Remove the peer of a region from a store", exactly("REGION", "STORE"), func(n []uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_REMOVE_PEER, StoreId: n[1]}
	})
	add("move-peer REGION FROM TO", "Move the peer of a region from one store to another", exactly("REGION", "FROM", "TO"), func(n []uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_MOVE_PEER, StoreId: n[1], ToStoreId: n[2]}
	})
	add("transfer REGION STORE", "Make the peer on a store the leader of its region", exactly("REGION", "STORE"), func(n []uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_TRANSFER_LEADER, ToStoreId: n[1]}
	})
	split := add("split REGION [KEY]", "Split a region before a key, or in the middle", between(1, "REGION", "KEY"), func([]uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_SPLIT}
	})
	split.Flags().BoolVar(&n.hex, "hex", false, "the key is hexadecimal")
	split.Flags().BoolVar(&txn, "txn", false, "the key is a key of transactions, which is encoded as they store it")
	split.Long = `Split a region before a key, or in the middle.

Regions have keys as they are stored. Raw commands store their keys as they are, and
transactions store them encoded: with --txn, KEY is encoded, too. A split at any other key
harms no transaction, but is not where the key says. A region is never split between the
versions of a key.`
	add("scatter REGION", "Spread the peers and the leader of a region over the stores", exactly("REGION"), func([]uint64) *schedulerpb.AddOperatorRequest {
		return &schedulerpb.AddOperatorRequest{Change: schedulerpb.RegionChange_SCATTER}
	})
	cmd.AddCommand(&cobra.Command{
		Use: "cancel REGION", Short: "Give up what is being changed in a region", Args: exactly("REGION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			ids, err := parseIDs([]string{"REGION"}, args)
			if err != nil {
				return err
			}
			return c.run(cmd, func(ctx context.Context) error {
				_, err := granted(c.admin.CancelOperator(ctx, &schedulerpb.CancelOperatorRequest{Header: c.header, RegionId: ids[0]}))
				return err
			})
		},
	})
	return cmd
}

// addOperator asks for an operator, and says what is going to happen.
func (c *connection) addOperator(ctx context.Context, w io.Writer, q *schedulerpb.AddOperatorRequest) error {
	q.Header = c.header
	r, err := granted(c.admin.AddOperator(ctx, q))
	if err != nil {
		return err
	}
	if r.Operator == nil {
		_, err = fmt.Fprintf(w, "region %d: there is nothing to do\n", q.RegionId)
		return errors.Trace(err)
	}
	_, err = fmt.Fprintf(w, "region %d: %s\nwatch it: labkv-ctl operators --region %d --scheduler %s\n",
		q.RegionId, strings.Join(r.Operator.Steps, ",\n  "), q.RegionId, c.addr)
	return errors.Trace(err)
}

// newStoreCommand returns the commands that change one store.
func newStoreCommand() *cobra.Command {
	c := &connection{}
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Take a store out of a cluster, or back into it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &usageError{errors.New("store: say what to do: remove or restore")}
		},
	}
	c.addFlags(cmd)
	add := func(use, short, long string, do func(context.Context, uint64) (*metapb.Store, error)) {
		cmd.AddCommand(&cobra.Command{
			Use: use, Short: short, Long: long, Args: exactly("STORE"),
			RunE: func(cmd *cobra.Command, args []string) error {
				ids, err := parseIDs([]string{"STORE"}, args)
				if err != nil {
					return err
				}
				return c.run(cmd, func(ctx context.Context) error {
					s, err := do(ctx, ids[0])
					if err == nil {
						_, err = fmt.Fprintf(cmd.OutOrStdout(), "store %d is %s now\n", s.Id, strings.ToLower(s.State.String()))
					}
					return err
				})
			},
		})
	}
	add("remove STORE", "Take a store offline", `Takes a store offline: its peers move to other stores, while it goes on serving. When it
has none left it becomes a tombstone: it can be stopped then, and its id never comes back.`,
		func(ctx context.Context, id uint64) (*metapb.Store, error) {
			r, err := granted(c.admin.RemoveStore(ctx, &schedulerpb.RemoveStoreRequest{Header: c.header, StoreId: id}))
			return r.GetStore(), err
		})
	add("restore STORE", "Take an offline store back", "Takes a store back into service that is offline and is no tombstone yet.",
		func(ctx context.Context, id uint64) (*metapb.Store, error) {
			r, err := granted(c.admin.RestoreStore(ctx, &schedulerpb.RestoreStoreRequest{Header: c.header, StoreId: id}))
			return r.GetStore(), err
		})
	return cmd
}

// parseIDs returns arguments as ids, which are numbers from 1 on.
func parseIDs(names, args []string) ([]uint64, error) {
	var ids []uint64
	for i, arg := range args {
		id, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || id == 0 {
			return nil, &usageError{errors.Errorf("%s %q is not an id: ids are numbers from 1 on", strings.Trim(names[i], "[]"), arg)}
		}
		ids = append(ids, id)
	}
	return ids, nil
}
