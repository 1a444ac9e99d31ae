package proto_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/labkv/labkv/proto/coprocessor"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/wire.txt instead of comparing with it")

// TestWire holds the generated code to the list of names and numbers that
// existing clients depend on.
func TestWire(t *testing.T) {
	const golden = "testdata/wire.txt"
	var got strings.Builder
	for _, file := range []protoreflect.FileDescriptor{
		metapb.File_metapb_metapb_proto,
		errorpb.File_errorpb_errorpb_proto,
		kvrpcpb.File_kvrpcpb_kvrpcpb_proto,
		tinykvpb.File_tinykvpb_tinykvpb_proto,
		schedulerpb.File_schedulerpb_schedulerpb_proto,
		schedulerpb.File_schedulerpb_admin_proto,
		coprocessor.File_coprocessor_coprocessor_proto,
		eraftpb.File_eraftpb_eraftpb_proto,
	} {
		describeFile(&got, file)
	}
	if *rewrite {
		require.NoError(t, os.WriteFile(golden, []byte(got.String()), 0o644))
		return
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String(), "the protocol changed; if only by unused numbers: go test ./proto -rewrite")
}

func describeFile(b *strings.Builder, file protoreflect.FileDescriptor) {
	fmt.Fprintf(b, "package %s\n", file.Package())
	for i := range file.Services().Len() {
		service := file.Services().Get(i)
		fmt.Fprintf(b, "  service %s\n", service.Name())
		for j := range service.Methods().Len() {
			m := service.Methods().Get(j)
			fmt.Fprintf(b, "    %s: %s%s -> %s%s\n", m.Name(),
				stream(m.IsStreamingClient()), m.Input().FullName(),
				stream(m.IsStreamingServer()), m.Output().FullName())
		}
	}
	for i := range file.Enums().Len() {
		enum := file.Enums().Get(i)
		fmt.Fprintf(b, "  enum %s\n", enum.Name())
		for j := range enum.Values().Len() {
			v := enum.Values().Get(j)
			fmt.Fprintf(b, "    %d %s\n", v.Number(), v.Name())
		}
	}
	for i := range file.Messages().Len() {
		message := file.Messages().Get(i)
		fmt.Fprintf(b, "  message %s\n", message.Name())
		for j := range message.Fields().Len() {
			f := message.Fields().Get(j)
			fmt.Fprintf(b, "    %d %s: %s\n", f.Number(), f.Name(), fieldType(f))
		}
	}
}

func stream(is bool) string {
	if is {
		return "stream "
	}
	return ""
}

func fieldType(f protoreflect.FieldDescriptor) string {
	name := f.Kind().String()
	switch {
	case f.Message() != nil:
		name = string(f.Message().FullName())
	case f.Enum() != nil:
		name = string(f.Enum().FullName())
	}
	if f.Cardinality() == protoreflect.Repeated {
		return "repeated " + name
	}
	return name
}
