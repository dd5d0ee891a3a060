#include "services/registry/sqlite_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "libs/sync/mutex.h"
#include "services/registry/registry_store.h"
#include "sqlite3.h"

namespace fairlead {
namespace {

// "FLR1": tells our files from other programs'.
constexpr int kApplicationId = 0x464C5231;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
  }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

// Says that a registry has the store, until this goes or its process ends. A
// file of its own: SQLite's own lock would keep out those who only read, too,
// to back it up.
class RegistryLock {
 public:
  explicit RegistryLock(int file) : file_(file) {}
  RegistryLock(RegistryLock&& other) noexcept
      : file_(std::exchange(other.file_, -1)) {}
  RegistryLock& operator=(RegistryLock&&) = delete;
  ~RegistryLock() {
    if (file_ >= 0) close(file_);
  }

  static absl::StatusOr<RegistryLock> Take(const std::string& store) {
    if (store == ":memory:") return RegistryLock(-1);  // nobody else's anyway
    const std::string path = store + ".lock";
    RegistryLock lock(
        open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (lock.file_ < 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "store ", path, ": ", std::generic_category().message(errno),
          "; name a file in a folder that can be written"));
    }
    if (flock(lock.file_, LOCK_EX | LOCK_NB) == 0) return lock;
    return absl::FailedPreconditionError(absl::StrCat(
        "store ", store, ": another registry has it; end that first"));
  }

 private:
  int file_;
};

class SqliteStore final : public RegistryStore {
 public:
  SqliteStore(std::string path, RegistryLock lock, Database database)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        database_(std::move(database)) {}

  absl::Status SetUp() {
    FAIRLEAD_RETURN_IF_ERROR(Run("PRAGMA journal_mode=WAL"));
    FAIRLEAD_RETURN_IF_ERROR(Run("PRAGMA synchronous=FULL"));
    FAIRLEAD_RETURN_IF_ERROR(Run("BEGIN EXCLUSIVE"));
    FAIRLEAD_ASSIGN_OR_RETURN(const int application_id,
                              Number("PRAGMA application_id"));
    FAIRLEAD_ASSIGN_OR_RETURN(const int tables,
                              Number("SELECT count(*) FROM sqlite_master"));
    if (application_id != kApplicationId && tables > 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "store ", path_,
          ": is a database of another program; name another file"));
    }
    FAIRLEAD_RETURN_IF_ERROR(
        Run(absl::StrCat("PRAGMA application_id=", kApplicationId)));
    FAIRLEAD_RETURN_IF_ERROR(
        Run("CREATE TABLE IF NOT EXISTS records("
            "key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"));
    return Run("COMMIT");
  }

  absl::StatusOr<StoreContents> Load() override {
    MutexLock lock(&mutex_);
    FAIRLEAD_ASSIGN_OR_RETURN(const Statement select,
                              Prepare("SELECT key, value FROM records"));
    StoreContents contents{.revision = revision_};
    int code;
    while ((code = sqlite3_step(select.get())) == SQLITE_ROW) {
      contents.records[Column(select.get(), 0)] = Column(select.get(), 1);
    }
    if (code != SQLITE_DONE) return Error("reading");
    return contents;
  }

  absl::StatusOr<int64_t> Commit(absl::Span<const StoreWrite> writes,
                                 int64_t revision) override {
    MutexLock lock(&mutex_);
    if (revision != revision_) {
      return absl::AbortedError(absl::StrCat(
          "store ", path_, ": is at revision ", revision_, ", not at ",
          revision, "; read what has changed, and plan again"));
    }
    FAIRLEAD_RETURN_IF_ERROR(Run("BEGIN IMMEDIATE"));
    absl::Status status;
    for (const StoreWrite& write : writes) {
      status = Apply(write);
      if (!status.ok()) break;
    }
    if (status.ok()) status = Run("COMMIT");
    if (!status.ok() && sqlite3_get_autocommit(database_.get()) == 0) {
      // A failed COMMIT may have rolled back already; else it is ours to do.
      Run("ROLLBACK").IgnoreError();
    }
    FAIRLEAD_RETURN_IF_ERROR(status);
    return ++revision_;
  }

  absl::StatusOr<StoreChanges> ReadChanges(int64_t revision) override {
    {
      MutexLock lock(&mutex_);
      if (revision == revision_) return StoreChanges{.revision = revision};
    }
    // Nobody else writes, so this is rare: it need not be quick.
    FAIRLEAD_ASSIGN_OR_RETURN(StoreContents contents, Load());
    StoreChanges changes{.from_scratch = true, .revision = contents.revision};
    for (auto& [key, value] : contents.records) {
      changes.writes.push_back({key, std::move(value)});
    }
    return changes;
  }

  void Watch(std::function<void()> /*changed*/) override {}

  absl::Status HoldRegistry(uint64_t incarnation) override {
    MutexLock lock(&mutex_);
    registries_ = {incarnation};
    return absl::OkStatus();
  }

  absl::StatusOr<std::set<uint64_t>> LiveRegistries() override {
    MutexLock lock(&mutex_);
    return registries_;
  }

 private:
  absl::Status Apply(const StoreWrite& write) {
    FAIRLEAD_ASSIGN_OR_RETURN(
        const Statement statement,
        Prepare(write.value.has_value()
                    ? "INSERT OR REPLACE INTO records VALUES(?1, ?2)"
                    : "DELETE FROM records WHERE key = ?1"));
    // The strings outlive the statement: SQLite need not copy them.
    sqlite3_bind_text(statement.get(), 1, write.key.data(),
                      static_cast<int>(write.key.size()), SQLITE_STATIC);
    if (write.value.has_value()) {
      sqlite3_bind_blob(statement.get(), 2, write.value->data(),
                        static_cast<int>(write.value->size()), SQLITE_STATIC);
    }
    if (sqlite3_step(statement.get()) != SQLITE_DONE) return Error("writing");
    return absl::OkStatus();
  }

  absl::StatusOr<Statement> Prepare(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_.get(), sql.c_str(), -1, &statement,
                           nullptr) != SQLITE_OK) {
      return Error(sql);
    }
    return Statement(statement);
  }

  absl::Status Run(const std::string& sql) {
    if (sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) !=
        SQLITE_OK) {
      return Error(sql);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int> Number(const std::string& sql) {
    FAIRLEAD_ASSIGN_OR_RETURN(const Statement select, Prepare(sql));
    if (sqlite3_step(select.get()) != SQLITE_ROW) return Error(sql);
    return sqlite3_column_int(select.get(), 0);
  }

  static std::string Column(sqlite3_stmt* statement, int column) {
    const void* data = sqlite3_column_blob(statement, column);
    return std::string(
        static_cast<const char*>(data),
        static_cast<size_t>(sqlite3_column_bytes(statement, column)));
  }

  absl::Status Error(const std::string& doing) const {
    const std::string text =
        absl::StrCat("store ", path_, ": ", sqlite3_errmsg(database_.get()),
                     " (", doing, ")");
    switch (sqlite3_errcode(database_.get()) & 0xff) {
      case SQLITE_BUSY:
      case SQLITE_LOCKED:
        return absl::FailedPreconditionError(
            absl::StrCat(text, "; a tool writes to it: end that first"));
      case SQLITE_NOTADB:
      case SQLITE_CANTOPEN:
      case SQLITE_READONLY:
      case SQLITE_PERM:
      case SQLITE_AUTH:
        return absl::InvalidArgumentError(
            absl::StrCat(text, "; name a file that can be written"));
      case SQLITE_CORRUPT:
        return absl::DataLossError(text);
      case SQLITE_FULL:
      case SQLITE_IOERR:
        return absl::UnavailableError(absl::StrCat(
            text, "; is its disk full? With room again, try again"));
      default:
        return absl::UnavailableError(text);
    }
  }

  const std::string path_;
  const RegistryLock lock_;
  const Database database_;
  Mutex mutex_;
  int64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;  // commits since it was opened
  std::set<uint64_t> registries_ ABSL_GUARDED_BY(mutex_);  // this one
};

}  // namespace

absl::StatusOr<std::string> DefaultStorePath() {
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  if ((state == nullptr || *state == '\0') &&
      (home == nullptr || *home == '\0')) {
    return absl::InvalidArgumentError(
        "--store: neither XDG_STATE_HOME nor HOME says where to keep it; name "
        "a file");
  }
  const std::string folder = absl::StrCat(
      state != nullptr && *state != '\0' ? state
                                         : absl::StrCat(home, "/.local/state"),
      "/fairlead");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--store: ", folder, " cannot be made: ", error.message(),
                     "; name a file elsewhere"));
  }
  return folder + "/registry.db";
}

absl::StatusOr<std::unique_ptr<RegistryStore>> OpenSqliteStore(
    absl::string_view path) {
  if (path.empty()) {
    return absl::InvalidArgumentError(
        "store: needs the path of a file, or :memory:");
  }
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(
      std::string(path).c_str(), &database,
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
      nullptr);
  Database owned(database);
  if (code != SQLITE_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat("store ", path, ": ", sqlite3_errstr(code),
                     "; name a file in a folder that can be written"));
  }
  FAIRLEAD_ASSIGN_OR_RETURN(RegistryLock lock,
                            RegistryLock::Take(std::string(path)));
  auto store = std::make_unique<SqliteStore>(std::string(path), std::move(lock),
                                             std::move(owned));
  FAIRLEAD_RETURN_IF_ERROR(store->SetUp());
  return std::unique_ptr<RegistryStore>(std::move(store));
}

}  // namespace fairlead
