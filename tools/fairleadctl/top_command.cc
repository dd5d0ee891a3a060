#include "tools/fairleadctl/top_command.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <ostream>
#include <sstream>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "libs/status/status_macros.h"
#include "nlohmann/json.hpp"
#include "tools/fairleadctl/activity.h"
#include "tools/fairleadctl/arguments.h"
#include "tools/fairleadctl/command_context.h"
#include "tools/fairleadctl/snapshot.h"
#include "tools/fairleadctl/top_screen.h"

namespace fairlead {
namespace {

constexpr absl::Duration kInterval = absl::Seconds(2);
constexpr int kHeadLines = 2;

// The terminal while it is ours: another screen, and keys as they are pressed.
// Ctrl-C is a key too, so that nobody is left on that screen.
class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) {
    has_settings_ = tcgetattr(STDIN_FILENO, &settings_) == 0;
    if (has_settings_) {
      termios keys = settings_;
      keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
      tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    out_ << "\x1b[?1049h\x1b[?25l" << std::flush;
  }
  ~Screen() {
    out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
    if (has_settings_) tcsetattr(STDIN_FILENO, TCSANOW, &settings_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  int rows() const {
    winsize size = {};
    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    return size.ws_row > 0 ? size.ws_row : 24;
  }

  // Each line over what was there, without a flicker.
  void Show(const std::string& text) {
    out_ << "\x1b[H" << absl::StrReplaceAll(text, {{"\n", "\x1b[K\r\n"}})
         << "\x1b[J" << std::flush;
  }

  // The key that is pressed within that time; 'q' if there will be none.
  std::optional<char> AwaitKey(absl::Duration wait) {
    pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (poll(&input, 1, static_cast<int>(absl::ToInt64Milliseconds(wait))) <=
        0) {
      return std::nullopt;
    }
    char key = 'q';
    if (read(STDIN_FILENO, &key, 1) != 1 || key == '\x03') return 'q';
    return key;
  }

 private:
  std::ostream& out_;
  termios settings_ = {};
  bool has_settings_ = false;
};

absl::Status RunOnce(const CommandContext& context, TopOrder order,
                     absl::Duration interval) {
  FAIRLEAD_ASSIGN_OR_RETURN(const ClusterSnapshot before,
                            TakeSnapshot(context));
  absl::SleepFor(interval);
  FAIRLEAD_ASSIGN_OR_RETURN(const ClusterSnapshot after, TakeSnapshot(context));
  const ClusterActivity activity = Compare(before, after);
  if (context.json) {
    context.out << activity.ToJson().dump() << "\n";
  } else {
    PrintTop(activity, order, 0, context.terminal, context.out);
  }
  return absl::OkStatus();
}

// Until 'q', or an error. A registry that is away for a while is shown as such.
absl::Status RunLive(const CommandContext& context, TopOrder order,
                     absl::Duration interval) {
  // If it cannot be reached at all, say so where one reads it.
  FAIRLEAD_ASSIGN_OR_RETURN(ClusterSnapshot before, TakeSnapshot(context));
  Screen screen(context.out);
  ClusterActivity activity = Compare(before, before);
  std::string trouble = "looking";
  absl::Time next = absl::Now() + interval;
  while (true) {
    std::ostringstream text;
    text << absl::StreamFormat(
        "%s  %d channels  every %s  keys: s b y f c sort, q quits  %s\n\n",
        context.registry_address, activity.channels.size(),
        absl::FormatDuration(interval), trouble);
    PrintTop(activity, order, screen.rows() - kHeadLines - 1, true, text);
    screen.Show(text.str());
    const std::optional<char> key =
        screen.AwaitKey(std::max(absl::ZeroDuration(), next - absl::Now()));
    if (key == 'q') return absl::OkStatus();
    if (key.has_value()) {
      order = TopOrderOfKey(*key, order);
      continue;
    }
    absl::StatusOr<ClusterSnapshot> after = TakeSnapshot(context);
    trouble = std::string(after.status().message());
    if (after.ok()) {
      activity = Compare(before, *after);
      before = *std::move(after);
    }
    next = absl::Now() + interval;
  }
}

}  // namespace

absl::Status RunTop(const CommandContext& context,
                    absl::Span<const std::string> args) {
  FAIRLEAD_RETURN_IF_ERROR(CheckArguments("top", args, {}));
  FAIRLEAD_ASSIGN_OR_RETURN(const TopOrder order,
                            ParseTopOrder(context.options.sort));
  const absl::Duration interval = context.options.interval.value_or(kInterval);
  if (context.options.once || context.json || !context.terminal) {
    return RunOnce(context, order, interval);
  }
  return RunLive(context, order, interval);
}

}  // namespace fairlead
