"""Every rule that a template names, and the function that asks it of facts."""

from collections.abc import Callable, Mapping

from kpi.binding import control, devices, energy, network, records, sites
from kpi.binding.ground import Ground
from kpi.binding.parameters import Parameters
from kpi.forms.measured import Holding

Asked = Callable[[Ground, Parameters], Holding]


def unrecorded(ground: Ground, p: Parameters) -> Holding:
    """Nothing that Gemba reads or keeps tells of it: it stays declared."""
    return Holding(None, "not_recorded")


RULES: Mapping[str, Asked] = {
    "workshop_controllers": network.workshop_controllers,
    "workshops_networked": network.workshops_networked,
    "devices_interconnected": network.devices_interconnected,
    "connections_secured": network.connections_secured,
    "data_integrity": network.data_integrity,
    "key_process_nc": network.key_process_nc,
    "networking": network.networking,
    "key_devices_basic": devices.key_devices_basic,
    "key_devices_live": devices.key_devices_live,
    "key_devices_reported": devices.key_devices_reported,
    "scheduled_devices_state": devices.scheduled_devices_state,
    "production_data": devices.production_data,
    "devices_collected": devices.devices_collected,
    "device_alarms": devices.device_alarms,
    "fault_record": devices.fault_record,
    "remote_access": devices.remote_access,
    "oee_measured": devices.oee_measured,
    "robots_cycling": devices.robots_cycling,
    "automatic_mode": control.automatic_mode,
    "closed_loop_auto": control.closed_loop_auto,
    "setpoints_by_controller": control.setpoints_by_controller,
    "apc_running": control.apc_running,
    "carriers_collected": energy.carriers_collected,
    "energy_statistics": energy.energy_statistics,
    "meters_interval": energy.meters_interval,
    "meters_online": energy.meters_online,
    "device_meters": energy.device_meters,
    "energy_driver_points": energy.energy_driver_points,
    "energy_links_metered": energy.energy_links_metered,
    "energy_matched": energy.energy_matched,
    "link_carbon_live": energy.link_carbon_live,
    "carbon_report": energy.carbon_report,
    "automatic_points": records.automatic_points,
    "domains_recorded": records.domains_recorded,
    "scenes_stored": records.scenes_stored,
    "typical_application": records.typical_application,
    "key_process_parameters": records.key_process_parameters,
    "key_processes_live": records.key_processes_live,
    "counts_per_order": records.counts_per_order,
    "trace_completeness": records.trace_completeness,
    "quality_source": records.quality_source,
    "inspection_devices": records.inspection_devices,
    "automatic_judgement": records.automatic_judgement,
    "key_processes_inspected": records.key_processes_inspected,
    "point_dictionary": records.point_dictionary,
    "live_view": records.live_view,
    "history_span": records.history_span,
    "data_quality_report": records.data_quality_report,
    "risk_points_online": sites.risk_points_online,
    "risk_alarms": sites.risk_alarms,
    "hazard_alarms": sites.hazard_alarms,
    "tanks_online": sites.tanks_online,
    "tank_alarms": sites.tank_alarms,
    "pollution_recorded": sites.pollution_recorded,
    "pollution_alarms": sites.pollution_alarms,
    "data_consumers": unrecorded,
    "energy_shared": unrecorded,
    "devices_integrated": unrecorded,
    "gateway_5g": unrecorded,
    "process_handover": unrecorded,
    "remote_configuration": unrecorded,
    "optimizer_setpoints": unrecorded,
    "reschedule_events": unrecorded,
    "delivery_events": unrecorded,
}
