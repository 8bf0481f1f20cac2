// Calls over gRPC and a Unix socket, 200 bytes each way: this process measures, a child serves.
// Generic services on completion queues, one thread each: the fastest way that gRPC has.
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

using Clock = std::chrono::steady_clock;

static grpc::ByteBuffer message() {
  grpc::Slice slice(std::string(200, 'x'));
  return grpc::ByteBuffer(&slice, 1);
}

// One call at the server: taken, read, answered; the next one is asked for as soon as it is taken.
struct Served {
  grpc::AsyncGenericService& service;
  grpc::ServerCompletionQueue& queue;
  grpc::GenericServerContext context;
  grpc::GenericServerAsyncReaderWriter stream{&context};
  grpc::ByteBuffer request;
  enum { asked, reading, answering } state = asked;

  Served(grpc::AsyncGenericService& service, grpc::ServerCompletionQueue& queue)
      : service(service), queue(queue) {
    service.RequestCall(&context, &stream, &queue, &queue, this);
  }

  void advance(bool ok) {
    if (state == asked && ok) {
      new Served(service, queue);
      state = reading;
      stream.Read(&request, this);
    } else if (state == reading && ok) {
      state = answering;
      stream.WriteAndFinish(message(), grpc::WriteOptions(), grpc::Status::OK, this);
    } else {
      delete this;
    }
  }
};

static void serve(const std::string& address) {
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterAsyncGenericService(&service);
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  if (!server) return;
  new Served(service, *queue);
  void* tag;
  bool ok;
  while (queue->Next(&tag, &ok)) static_cast<Served*>(tag)->advance(ok);
}

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer answer;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
  Clock::time_point start = Clock::now();
};

// How long each call took, in microseconds; so many in flight.
static std::vector<double> make(grpc::GenericStub& stub, int count, int window) {
  grpc::CompletionQueue queue;
  std::vector<double> times;
  for (int sent = 0; static_cast<int>(times.size()) < count;) {
    for (; sent < count && sent - static_cast<int>(times.size()) < window; sent++) {
      auto call = new Call;
      call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(5));
      call->reader = stub.PrepareUnaryCall(&call->context, "/bench/draft", message(), &queue);
      call->reader->StartCall();
      call->reader->Finish(&call->answer, &call->status, call);
    }
    void* tag;
    bool ok;
    if (!queue.Next(&tag, &ok)) break;
    std::unique_ptr<Call> call(static_cast<Call*>(tag));
    if (!call->status.ok()) {
      std::fprintf(stderr, "%s\n", call->status.error_message().c_str());
      std::exit(1);
    }
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - call->start).count());
  }
  return times;
}

// SOCKET ONE MANY. Prints p50 and p99 with one call at a time, then calls a second with 64.
int main(int, char** arguments) {
  const std::string address = std::string("unix:") + arguments[1];
  const int one = std::stoi(arguments[2]), many = std::stoi(arguments[3]);
  const pid_t parent = getpid(), server = fork();
  if (server == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) serve(address);
    _exit(1);
  }
  auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    return 1;
  }
  grpc::GenericStub stub(channel);
  make(stub, one / 10, 1);
  auto times = make(stub, one, 1);
  std::sort(times.begin(), times.end());
  const auto start = Clock::now();
  make(stub, many, 64);
  const std::chrono::duration<double> took = Clock::now() - start;
  std::printf("%.1f %.1f %.1f\n", times[one / 2], times[one - 1 - one / 100], many / took.count());
  kill(server, SIGKILL);
}
