package client_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// lossy is a connection that loses the answers to some calls of transactions.
type lossy struct {
	*grpc.ClientConn
	mu   *sync.Mutex
	dice *rand.Rand
}

func (l lossy) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	err := l.ClientConn.Invoke(ctx, method, args, reply, options...)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && l.dice.IntN(20) == 0 {
		return status.Error(codes.Unavailable, "the answer is lost")
	}
	return err
}

// realStore serves a store with the handlers of package server, and its directory, and
// returns a client, whose calls lose some answers.
func realStore(t *testing.T, onePhase bool) *client.Transactional {
	disk := memory.NewDisk()
	s := standalone.New(standalone.Config{Open: func() (engine.Engine, error) { return disk.Open(engine.Families...) }})
	require.NoError(t, s.Start())
	t.Cleanup(func() { require.NoError(t, s.Stop()) })
	serve := func(register func(*grpc.Server)) (addr string) {
		lis, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		g := grpc.NewServer()
		register(g)
		go g.Serve(lis)
		t.Cleanup(g.Stop)
		return lis.Addr().String()
	}
	oracle := &oracle{}
	addr := serve(func(g *grpc.Server) {
		var handlers tinykvpb.TinyKvServer = server.New(s)
		if onePhase {
			handlers = server.NewOnePhase(server.New(s), func(context.Context) (uint64, error) { return oracle.next(1), nil })
		}
		tinykvpb.RegisterTinyKvServer(g, handlers)
	})
	schedulerAddr := serve(func(g *grpc.Server) {
		schedulerpb.RegisterSchedulerServer(g, directory{
			region: &metapb.Region{
				Id: 1, RegionEpoch: &metapb.RegionEpoch{Version: 1, ConfVer: 1},
				Peers: []*metapb.Peer{{Id: 3, StoreId: 2}},
			},
			store:  &metapb.Store{Id: 2, Address: addr},
			oracle: oracle,
		})
	})
	conn, err := grpc.NewClient(schedulerAddr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	cl, err := client.NewTransactional(client.Config{
		Scheduler: schedulerpb.NewSchedulerClient(conn),
		Dial: func(addr string) (client.Conn, error) {
			conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			return lossy{conn, &sync.Mutex{}, rand.New(rand.NewPCG(1, 2))}, err
		},
	})
	require.NoError(t, err)
	t.Cleanup(cl.Close)
	return cl
}

// Money is moved between accounts by many at a time. None is lost or made, in any
// snapshot, though answers are lost.
func TestAccounts(t *testing.T) {
	for name, onePhase := range map[string]bool{"two phases": false, "one phase": true} {
		t.Run(name, func(t *testing.T) {
			cl := realStore(t, onePhase)
			ctx := await.Context(t, "transfers")
			const accounts, each = 6, 100
			require.NoError(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
				var all []error
				for i := range accounts {
					all = append(all, txn.Put([]byte("account "+strconv.Itoa(i)), []byte(strings.Repeat("x", each))))
				}
				return errors.Join(all...)
			}))
			var clients sync.WaitGroup
			for i := range 4 {
				dice := rand.New(rand.NewPCG(3, uint64(i)))
				clients.Go(func() {
					for range 25 {
						from, to := dice.IntN(accounts), dice.IntN(accounts)
						require.NoError(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
							return transfer(ctx, txn, "account "+strconv.Itoa(from), "account "+strconv.Itoa(to))
						}))
					}
				})
			}
			clients.Go(func() {
				for range 25 {
					txn, err := cl.Begin(ctx)
					require.NoError(t, err)
					sum := 0
					for pair, err := range txn.Scan(ctx, []byte("account"), []byte("b")) {
						require.NoError(t, err)
						sum += len(pair.Value)
					}
					require.Equal(t, accounts*each, sum)
				}
			})
			clients.Wait()
			require.NoError(t, cl.Run(ctx, func(ctx context.Context, txn *client.Txn) error {
				require.Len(t, found(t, ctx, txn, "transfers"), 4*25)
				return nil
			}))
		})
	}
}

// transfer moves one coin, if there is one, and counts. An account is as long as it has
// coins.
func transfer(ctx context.Context, txn *client.Txn, from, to string) error {
	grow := func(key string) error {
		value, _, err := txn.Get(ctx, []byte(key))
		if err != nil {
			return err
		}
		return txn.Put([]byte(key), append(value, 'x'))
	}
	coins, _, err := txn.Get(ctx, []byte(from))
	if err == nil && len(coins) > 0 {
		if err = txn.Put([]byte(from), coins[1:]); err == nil {
			err = grow(to)
		}
	}
	if err != nil {
		return err
	}
	return grow("transfers")
}
