"""The help of a command in Chinese: argparse's own words and each option's text, in lines of so many cells."""

import argparse
import re
from collections.abc import Iterable
from shutil import get_terminal_size

from gemba.table import width

TEXTS = {
    "CSV on stdout, as without": "以 CSV 输出到标准输出，与不写时相同",
    "MQTT, default #": "MQTT 主题，默认 #",
    "MQTT: how long to listen": "MQTT：监听多少秒",
    "Modbus, default 0-99": "Modbus 寄存器，默认 0-99",
    "Modbus, default 1, or that of the source": "Modbus 站号，默认 1，或该数据源的站号",
    "Modbus: coils and discrete inputs too, default none": "Modbus：也查找线圈与离散输入，默认不查",
    "OPC UA, as Basic256Sha256 (signed and encrypted)": "OPC UA 安全策略，如 Basic256Sha256（签名并加密）",
    "a commented answer file of this form, to fill": "输出此表带注释的空白答卷",
    "a form, by its id; `gemba templates` lists them": "模板编号；用 `gemba templates` 列出",
    "a form; all of them are listed without it": "模板编号；不写则列出全部",
    "a month of production time": "按生产日计的一个月",
    "a protocol, or a plant file with --source": "协议；或工厂文件，并写 --source",
    "a row for each": "每个时段一行",
    "also a row of each plant in `stores`, and one of all": "`stores` 中每个工厂各一行，另加合计一行",
    "answer file (YAML); `gemba templates ID --blank` makes one": "答卷（YAML）；用 `gemba templates ID --blank` 生成",
    "asset.point, * and ? allowed; default all": "设备.数据点，可用 * 与 ?；默认全部",
    "collect the sources of this gateway; else those that name none": "采集此网关的数据源；不写则为未指定网关的数据源",
    "comma-separated rows": "逗号分隔的行（CSV）",
    "compare with this span": "与此时段对比（基线）",
    "create: read:kpi, read:series, assess, admin": "create：read:kpi、read:series、assess、admin",
    "create: such as 90d; without it, never": "create：有效期，如 90d；不写则永不过期",
    "date or date-time, in the plant's zone": "日期或日期时间，按工厂时区",
    "default 127.0.0.1; elsewhere needs a token": "监听地址，默认 127.0.0.1；其他地址须先有令牌",
    "default 8080; 0 takes a free one": "端口，默认 8080；0 为任选空闲端口",
    "default csv": "默认 csv",
    "default standard output, for csv alone": "默认标准输出，仅限 csv",
    "divides cycle times": "生产节拍除以此数",
    "divides cycles, not the clock": "节拍与理想节拍除以此数，时钟不变",
    "exclusive; both ends, or none": "不含此刻；须与起点一同给出",
    "exclusive; cut to now": "不含此刻；晚于现在则到现在为止",
    "folder for plant.yaml with the new addresses": "存放新 plant.yaml（含新地址）的文件夹",
    "from the journal of this gateway": "从此网关的本地日志导出",
    "how long a row stands, as 15min; default by the plant file": "每行数据的有效时长，如 15min；默认按工厂文件",
    "in place of the plant file's profile": "替代工厂文件中的折标系数表",
    "into the journal of this gateway": "导入此网关的本地日志",
    "list unless told": "不写则为 list",
    "list: comma-separated rows": "list：逗号分隔的行（CSV）",
    "measured and true values as one JSON document": "以一份 JSON 输出实测值与真值",
    "of history; default 35": "历史数据的天数，默认 35",
    "of the baseline": "基线时段的营业收入（万元）",
    "of the plant file, with its own settings": "工厂文件中的数据源，用其自身设置",
    "of the span: gives kgce per 100 yuan": "该时段的营业收入（万元）：给出百元能耗（千克标准煤）",
    "of this gateway's agent": "此网关的采集程序",
    "one JSON document": "输出一份 JSON",
    "one line for each KPI of each row": "每行每个指标一行（CSV）",
    "one line for each period and carrier or asset": "每时段每种能源或设备一行（CSV）",
    "one line for each source": "每个数据源一行（CSV）",
    "only points of this asset or meter": "只读此设备或计量表",
    "only points of this source": "只读此数据源",
    "only what is missing in this plant file": "只列出此工厂文件中缺少的",
    "opc.tcp://…, HOST[:PORT] or rtu://…, mqtt(s)://…": "opc.tcp://…、HOST[:PORT] 或 rtu://…、mqtt(s)://…",
    "plant file": "工厂文件",
    "revoke: which one": "revoke：令牌编号",
    "rows are of": "每行的对象：设备、产线、车间或工厂",
    "show this help message and exit": "显示此帮助",
    "so long until now, as 30d": "到现在为止的一段时间，如 30d",
    "stop by itself": "运行多少秒后自行停止",
    "stop by itself, and compare with the truth": "运行多少秒后自行停止，并与真值对比",
    "strike what is stored where the file has another value": "与文件中的值不同时，作废已存的行",
    "the environment variable that holds the password": "存放密码的环境变量",
    "the lines of the form as CSV": "以 CSV 输出表中各行",
    "the list, or the form's positions, as CSV": "以 CSV 输出模板列表或表中各项",
    "the path as one JSON document": "以一份 JSON 输出路径",
    "the same seed gives the same plant": "随机种子；相同则工厂相同",
    "time,asset,point,value[,quality]": "time,asset,point,value[,quality]",
    "trust this one; its first letters are enough": "信任此证书；写指纹的前几位即可",
    "values are final, not as on the wire": "值已换算，不是设备原始值",
    "what before and base are measured over": "改造前、基期的实测时段",
    "what goes wrong, and when": "故障时间表",
    "what to do": "操作",
    "what was written, as JSON on stdout; needs --out": "以 JSON 输出写了什么；须写 --out",
    "where short stops count": "短停计入何处",
    "who signs in; the password by --password-env": "用户名；密码由 --password-env 给出",
    "without security, or without checking a certificate": "不用安全措施，或不核验证书",
    "write the filled form, its evidence and register as a workbook": "把填好的表、证据与台账写成工作簿",
    "write the filled forms there": "把填好的表写到此文件夹",
    "write this new CSV file; default stdout": "写入此新 CSV 文件；默认标准输出",
    "zh or en; default GEMBA_LANG, or the locale": "zh 或 en；默认 GEMBA_LANG，或系统语言",
}
HEADINGS = {"positional arguments": "参数", "options": "选项"}


class Chinese(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=get_terminal_size().columns - 5)  # 用法： has three cells more than characters

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: "Iterable[argparse._MutuallyExclusiveGroup]",
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, prefix or "用法：")

    def start_section(self, heading: str | None) -> None:
        super().start_section(HEADINGS.get(heading or "", heading))

    def add_text(self, text: str | None) -> None:
        super().add_text(text and re.sub("^examples?: ?", "示例：", text))

    def _get_help_string(self, action: argparse.Action) -> str:
        return TEXTS.get(action.help or "", action.help or "")

    def _split_lines(self, text: str, width_: int) -> list[str]:
        lines = [""]
        for word in re.findall(r" |(?:[!-~]+|[^ -~])[，。；：、）]*", text):
            if width(lines[-1] + word) > width_:
                lines.append("")
            lines[-1] += word
        return [line.strip() for line in lines]
