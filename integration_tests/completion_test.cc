// What `fairleadctl completion` prints, in the shells that it is for, with a
// cluster to ask.

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "integration_tests/harness/prometheus_server.h"
#include "integration_tests/harness/running_load.h"
#include "integration_tests/harness/test_cluster.h"
#include "integration_tests/harness/test_dataset.h"
#include "libs/child_process/child_process.h"
#include "libs/status/status_matchers.h"
#include "nlohmann/json.hpp"

namespace fairlead {
namespace {

using ::fairlead::testing::IsInstalled;
using ::fairlead::testing::IsOk;
using ::fairlead::testing::kPatience;
using ::fairlead::testing::MakeKronecker;
using ::fairlead::testing::NewFolder;
using ::fairlead::testing::Program;
using ::fairlead::testing::RunningLoad;
using ::fairlead::testing::RunProgram;
using ::fairlead::testing::TestCluster;
using ::testing::AllOf;
using ::testing::HasSubstr;

// A cluster with one trainer, and so one channel.
class Completion : public ::testing::Test {
 protected:
  void SetUp() override {
    TestCluster::Options options;
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(options.dataset, MakeKronecker());
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(cluster_, TestCluster::Start(options));
    FAIRLEAD_ASSERT_OK_AND_ASSIGN(
        load_, RunningLoad::Start(*cluster_,
                                  {"--fanout=5,5", "--batch_size=16",
                                   "--epochs=1000000", "--step_time=20ms"}));
    ASSERT_TRUE(load_->AwaitBatches(2));
    channel_ = absl::StrCat(Ask("channels")["channel_id"].get<uint64_t>());
    pool_ = Ask("members")["member_name"];
  }

  // The first of what the registry knows.
  nlohmann::json Ask(const std::string& command) {
    const auto answer = RunProgram(
        "tools/fairleadctl", {command, "--json", "--timeout=30s",
                              "--registry=" + cluster_->registry_addresses()});
    EXPECT_THAT(answer, IsOk());
    const auto json = nlohmann::json::parse(answer->out, nullptr, false);
    EXPECT_TRUE(json.is_array() && !json.empty()) << answer->err;
    return json.at(0);
  }

  // What a shell makes of a script.
  static std::string Run(const std::string& shell, const std::string& script) {
    const std::string folder = NewFolder();
    std::ofstream(folder + "/script") << script;
    const auto outcome =
        RunToEnd({"/usr/bin/env", "HOME=" + folder, shell, folder + "/script"},
                 kPatience, folder);
    EXPECT_THAT(outcome, IsOk());
    return outcome.ok() ? outcome->out + outcome->err : "";
  }

  std::string registry() const { return cluster_->registry_addresses(); }

  const std::string program_ = Program("tools/fairleadctl");
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<RunningLoad> load_;
  std::string channel_;
  std::string pool_;
};

TEST_F(Completion, InBash) {
  // Words as bash cuts them: at "=" and ":" too.
  const auto complete = [this](const std::string& words) {
    return Run("bash",
               absl::StrCat("eval \"$(", program_, " completion bash)\"\n",
                            "COMP_WORDS=(", program_, " ", words, ")\n",
                            "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n",
                            "_fairleadctl\necho \"[${COMPREPLY[*]}]\"\n"));
  };
  const std::string address = absl::StrReplaceAll(registry(), {{":", " : "}});
  EXPECT_THAT(complete("''"), AllOf(HasSubstr("advise"), HasSubstr("replay")));
  EXPECT_EQ(complete("desc"), "[describe]\n");
  EXPECT_EQ(complete("completion ''"), "[bash zsh]\n");
  EXPECT_EQ(complete("--timeou"), "[--timeout]\n");
  EXPECT_EQ(complete("top --sort = b"), "[batches bytes]\n");
  EXPECT_EQ(complete("--registry = " + address), "[]\n");
  for (const std::string& flag :
       {std::string("--registry = "), std::string("--json --registry ")}) {
    EXPECT_EQ(complete(absl::StrCat(flag, address, " describe ''")),
              absl::StrCat("[", channel_, "]\n"));
    EXPECT_EQ(complete(absl::StrCat(flag, address, " drain ",
                                    pool_.substr(0, pool_.size() - 1))),
              absl::StrCat("[", pool_, "]\n"));
  }
}

// A terminal with zsh in it, into which a key after the other is pressed; the
// last one shows what the line has come to.
constexpr char kZshTerminal[] = R"zsh(
zmodload zsh/zpty
zpty shell 'TERM=dumb ZDOTDIR=@FOLDER@ zsh -i'
zpty -r shell text '*ready>*'
zpty -w -n shell $'@KEYS@\t\x18'
zpty -r shell text '*line<*>*'
print -r -- "${${text##*line<}%%>*}"
zpty -d shell
)zsh";
constexpr char kZshSettings[] = R"zsh(
path=(@PROGRAMS@ $path)
@BEFORE@
eval "$(fairleadctl completion zsh)"
PS1='ready>'
show() { print -r -- "line<$BUFFER>" }
zle -N show
bindkey '^X' show
)zsh";

TEST_F(Completion, InZsh) {
  if (!IsInstalled("zsh")) GTEST_SKIP() << "no program zsh: install it";
  const std::string folder = NewFolder();
  const auto complete = [&](const std::string& keys) {
    return Run("zsh", absl::StrReplaceAll(kZshTerminal, {{"@FOLDER@", folder},
                                                         {"@KEYS@", keys}}));
  };
  // Of people who have made completion work themselves, and of others.
  for (const absl::string_view before :
       {"autoload -Uz compinit && compinit -u", ""}) {
    SCOPED_TRACE(std::string(before));
    std::ofstream(folder + "/.zshrc") << absl::StrReplaceAll(
        kZshSettings, {{"@PROGRAMS@", program_.substr(0, program_.rfind('/'))},
                       {"@BEFORE@", before}});
    EXPECT_EQ(complete("fairleadctl desc"), "fairleadctl describe \n");
    EXPECT_EQ(complete("fairleadctl --timeou"), "fairleadctl --timeout \n");
    EXPECT_EQ(complete("fairleadctl completion z"),
              "fairleadctl completion zsh \n");
    for (const char* flag : {"--registry=", "--json --registry "}) {
      const std::string line = absl::StrCat("fairleadctl ", flag, registry());
      EXPECT_EQ(complete(line + " describe "),
                absl::StrCat(line, " describe ", channel_, " \n"));
      EXPECT_EQ(complete(line + " drain " + pool_.substr(0, pool_.size() - 1)),
                line + " drain " + pool_ + " \n");
    }
  }
}

}  // namespace
}  // namespace fairlead
